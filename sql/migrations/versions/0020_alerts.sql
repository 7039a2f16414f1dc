-- What is said to others of new events: queued with the events themselves, so that none is lost, and sent afterwards.

CREATE TABLE alerts (
    alert_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key uuid NOT NULL DEFAULT gen_random_uuid(),
    target text NOT NULL,
    event_id uuid NOT NULL,
    rule text NOT NULL,
    camera_id text NOT NULL REFERENCES cameras,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'refused', 'expired', 'gone')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_try_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    problem text,
    UNIQUE (target, event_id),
    CHECK ((state = 'waiting') = (settled_at IS NULL))
);
CREATE INDEX alerts_waiting ON alerts (target, alert_id) WHERE state = 'waiting';
CREATE INDEX alerts_sent ON alerts (target, settled_at) WHERE state = 'sent';
CREATE INDEX alerts_by_place ON alerts (target, rule, camera_id, started_at);

COMMENT ON TABLE alerts IS 'What is said to others of new events, one row for each target and event. Written in the transaction that writes the event.';
COMMENT ON COLUMN alerts.alert_id IS 'The alert; each target gets its alerts in this order.';
COMMENT ON COLUMN alerts.key IS 'Sent along with every try, so that who gets it twice can tell.';
COMMENT ON COLUMN alerts.target IS 'Name of the target in the file of alerts.';
COMMENT ON COLUMN alerts.event_id IS 'The event; see event_list.';
COMMENT ON COLUMN alerts.rule IS 'Name of the rule.';
COMMENT ON COLUMN alerts.camera_id IS 'Id of the camera.';
COMMENT ON COLUMN alerts.started_at IS 'When the event began. What is found again in the same time is not told again.';
COMMENT ON COLUMN alerts.ended_at IS 'When the event ended, as it was found first.';
COMMENT ON COLUMN alerts.queued_at IS 'When the event was committed.';
COMMENT ON COLUMN alerts.state IS 'waiting; sent: the target took it; refused: the target said it never will; expired: it waited too long; gone: the event is no longer there.';
COMMENT ON COLUMN alerts.attempts IS 'How often sending was begun.';
COMMENT ON COLUMN alerts.next_try_at IS 'Not tried before; a target that fails rests, and who sends an alert has it for himself until then.';
COMMENT ON COLUMN alerts.settled_at IS 'When it was sent or given up; NULL: waiting.';
COMMENT ON COLUMN alerts.problem IS 'Why the last try failed, or why it was given up.';

GRANT SELECT ON alerts TO anyanomaly_writer, anyanomaly_reviewer, anyanomaly_reader;
GRANT INSERT, UPDATE, DELETE ON alerts TO anyanomaly_writer;
