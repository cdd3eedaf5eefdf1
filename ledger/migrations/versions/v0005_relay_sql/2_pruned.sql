-- How far the outbox has been pruned.

-- Movements from before this moment may have no event any more: I27 begins here.
CREATE TABLE outbox_pruned (
  single boolean NOT NULL DEFAULT true,
  before timestamptz NOT NULL,
  CONSTRAINT outbox_pruned_pkey PRIMARY KEY (single),
  -- One row, and no second opinion.
  CONSTRAINT outbox_pruned_only_one CHECK (single)
);

INSERT INTO outbox_pruned (before) VALUES ('-infinity');

GRANT SELECT ON outbox_pruned TO onhand_application;
