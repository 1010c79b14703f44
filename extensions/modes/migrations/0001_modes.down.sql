DROP TABLE attachments, modes;
