-- Channels of extensions (MagWS). Each tenant has a room of its own in every channel.
-- The row is locked to the end of the transaction that sends: the order of the numbers is that of the commits.
CREATE TABLE mag.channel_heads (
  extension text NOT NULL,
  channel   text NOT NULL,
  tenant_id text NOT NULL,
  sequence  bigint NOT NULL,
  PRIMARY KEY (extension, channel, tenant_id)
);

CREATE TABLE mag.channel_messages (
  extension text NOT NULL,
  channel   text NOT NULL,
  tenant_id text NOT NULL,
  sequence  bigint NOT NULL,
  at        timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  -- JSON as it is sent: nobody looks into it here.
  data      text NOT NULL,
  PRIMARY KEY (extension, channel, tenant_id, sequence)
);
CREATE INDEX channel_messages_at ON mag.channel_messages (at);

-- One row for each subscription of a connection.
CREATE TABLE mag.channel_members (
  extension  text NOT NULL,
  channel    text NOT NULL,
  tenant_id  text NOT NULL,
  subscription uuid NOT NULL,
  -- The host that has its connection.
  host_id    uuid NOT NULL,
  -- Null: nobody who is known.
  principal  text,
  name       text NOT NULL,
  since      timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (extension, channel, tenant_id, subscription)
);
CREATE INDEX channel_members_host ON mag.channel_members (host_id);
