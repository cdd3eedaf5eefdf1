-- What may be sold, for whoever only looks: it follows the ledger, and never decides.

CREATE TABLE projections.availability (
  generation bigint NOT NULL,
  sku text COLLATE "C" NOT NULL,
  location text COLLATE "C" NOT NULL,
  -- The highest that was heard of; a lower one that comes late changes nothing.
  sequence bigint NOT NULL CONSTRAINT availability_sequence_positive CHECK (sequence > 0),
  available bigint NOT NULL CONSTRAINT availability_not_negative CHECK (available >= 0),
  CONSTRAINT availability_pkey PRIMARY KEY (generation, sku, location)
) WITH (fillfactor = 70);

-- Which skus there are: one without stock is sold out, and not unknown.
CREATE TABLE projections.availability_product (
  generation bigint NOT NULL,
  sku text COLLATE "C" NOT NULL,
  version bigint NOT NULL CONSTRAINT availability_product_version_positive CHECK (version > 0),
  CONSTRAINT availability_product_pkey PRIMARY KEY (generation, sku)
);
