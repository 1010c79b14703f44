-- Subscriptions are spoken of by an id; what they have handled can be delivered to them once more.

ALTER TABLE mag.subscriptions ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid();
CREATE UNIQUE INDEX subscriptions_by_id ON mag.subscriptions (id);

-- Delivers what lies above `sequence` again, up to and with `until`; beside what is delivered live.
CREATE TABLE mag.replays (
  id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  subscription uuid NOT NULL REFERENCES mag.subscriptions (id) ON DELETE CASCADE,
  sequence     bigint NOT NULL,
  until        bigint NOT NULL,
  created_at   timestamptz(3) NOT NULL DEFAULT now(),
  ended_at     timestamptz(3)
);
CREATE INDEX replays_open ON mag.replays (subscription) WHERE ended_at IS NULL;

CREATE INDEX dead_letters_by_subscription ON mag.dead_letters (extension, type);
