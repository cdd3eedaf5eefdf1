-- What is sold, and where it lies.

CREATE TABLE product (
  sku text COLLATE "C" CONSTRAINT product_pkey PRIMARY KEY
    CONSTRAINT product_sku_is_an_id CHECK (sku ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
  title text NOT NULL
    CONSTRAINT product_title_is_bounded CHECK (length(title) BETWEEN 1 AND 500),
  price_minor bigint NOT NULL
    CONSTRAINT product_price_is_sellable CHECK (price_minor BETWEEN 1 AND 99999999),
  currency text NOT NULL
    CONSTRAINT product_currency_is_iso CHECK (currency ~ '^[A-Z]{3}$'),
  limit_per_customer integer
    CONSTRAINT product_limit_is_positive CHECK (limit_per_customer > 0),
  version bigint NOT NULL DEFAULT 1
    CONSTRAINT product_version_counts_up CHECK (version >= 1),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE location (
  location text COLLATE "C" CONSTRAINT location_pkey PRIMARY KEY
    CONSTRAINT location_is_an_id CHECK (location ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
  kind text NOT NULL
    CONSTRAINT location_kind_is_known CHECK (kind IN ('warehouse', 'seller')),
  seller text COLLATE "C"
    CONSTRAINT location_one_per_seller UNIQUE,
  reports text NOT NULL DEFAULT 'free'
    CONSTRAINT location_reports_is_known CHECK (reports IN ('free', 'shelf')),
  priority integer NOT NULL DEFAULT 100,
  enabled boolean NOT NULL DEFAULT true,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT location_seller_named_for_sellers_only CHECK ((kind = 'seller') = (seller IS NOT NULL))
);
