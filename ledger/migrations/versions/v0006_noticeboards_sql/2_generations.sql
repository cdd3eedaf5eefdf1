-- Which filling of a noticeboard is read, how fresh it is, and which events it could not take in.

-- Never given twice, not even where one was forgotten: whoever was thought dead may still write to it.
CREATE SEQUENCE projections.generation_number;

GRANT USAGE ON SEQUENCE projections.generation_number TO onhand_projections;

-- A noticeboard is made anew beside the one that is read, and then takes its place.
CREATE TABLE projections.generation (
  projection text NOT NULL CONSTRAINT generation_projection_is_known CHECK (
    projection IN ('availability', 'search', 'board', 'analytics')),
  generation bigint NOT NULL CONSTRAINT generation_counts_up CHECK (generation > 0),
  state text NOT NULL CONSTRAINT generation_state_is_known CHECK (state IN ('building', 'live', 'retired')),
  -- Which stream it follows, by when that was made: positions of another one mean nothing to it.
  stream text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  live_at timestamptz,
  CONSTRAINT generation_pkey PRIMARY KEY (projection, generation),
  CONSTRAINT generation_was_live_once CHECK (state = 'building' OR live_at IS NOT NULL)
);

-- There is one that is read, and one at most that is made.
CREATE UNIQUE INDEX generation_one_live ON projections.generation (projection) WHERE state = 'live';

CREATE UNIQUE INDEX generation_one_building ON projections.generation (projection) WHERE state = 'building';

-- Everything that was committed before this moment is in it, and everything of the stream up to this position.
CREATE TABLE projections.freshness (
  projection text NOT NULL,
  generation bigint NOT NULL,
  as_of timestamptz NOT NULL,
  position bigint NOT NULL CONSTRAINT freshness_position_not_negative CHECK (position >= 0),
  CONSTRAINT freshness_pkey PRIMARY KEY (projection, generation),
  CONSTRAINT freshness_generation_exists FOREIGN KEY (projection, generation)
    REFERENCES projections.generation ON DELETE CASCADE
);

CREATE TABLE projections.dead_letter (
  projection text NOT NULL,
  generation bigint NOT NULL,
  -- On the stream: each event is put aside once, however often it is delivered.
  position bigint NOT NULL,
  topic text NOT NULL,
  -- sku/location, or sku: read from the topic, which is there whatever the body is like.
  subject text COLLATE "C" NOT NULL,
  code text NOT NULL,
  body bytea NOT NULL,
  attempts bigint NOT NULL,
  state text NOT NULL CONSTRAINT dead_letter_state_is_known CHECK (
    state IN ('open', 'overtaken', 'applied', 'rebuilt')),
  first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  tried_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT dead_letter_pkey PRIMARY KEY (projection, generation, position),
  CONSTRAINT dead_letter_generation_exists FOREIGN KEY (projection, generation)
    REFERENCES projections.generation ON DELETE CASCADE,
  CONSTRAINT dead_letter_was_tried CHECK (attempts > 0)
);

-- Few at any time: what a person has to look at, and which skus are in doubt.
CREATE INDEX dead_letter_open ON projections.dead_letter (projection, subject) WHERE state = 'open';
