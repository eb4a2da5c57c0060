-- Version 2 of the portal's store. docs/portal-store.md describes it.

-- One row: the version of the schema, and how many commits there were.
CREATE TABLE store (
    version bigint NOT NULL,
    revision bigint NOT NULL
);

-- What the portal knows: one JSON document a record.
CREATE TABLE record (
    kind text NOT NULL,
    key text NOT NULL,
    document jsonb NOT NULL,
    -- The commit that changed it last.
    revision bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, key)
);
CREATE INDEX record_revision ON record (revision);

-- The newest CRL of each authority, for instances that only read.
CREATE TABLE crl (
    authority text PRIMARY KEY,
    number bigint NOT NULL,
    made bigint NOT NULL,
    der bytea NOT NULL
);

-- The audit log: each hash is over the row and the hash of the row before it.
CREATE TABLE audit (
    sequence bigint PRIMARY KEY CHECK (sequence > 0),
    at bigint NOT NULL CHECK (at >= 0),
    actor text NOT NULL,
    operation text NOT NULL,
    outcome text NOT NULL,
    subject text NOT NULL,
    hash text NOT NULL
);

-- The records again, for people.
CREATE VIEW card AS
    SELECT key AS card_number,
           document #>> '{holder,hsa_id}' AS hsa_id,
           jsonb_array_length(document -> 'removed') AS removed
    FROM record WHERE kind = 'card';
CREATE VIEW placed_order AS
    SELECT (document ->> 'number')::bigint AS number,
           key AS id,
           document ->> 'card_number' AS card_number,
           document ->> 'state' AS state,
           to_timestamp((document ->> 'since')::bigint) AT TIME ZONE 'UTC' AS since,
           document #>> '{pair,authentication}' AS authentication,
           document #>> '{pair,signature}' AS signature
    FROM record WHERE kind = 'order';
CREATE VIEW certificate AS
    SELECT issued.document ->> 'authority' AS authority,
           issued.document ->> 'serial' AS serial,
           revoked.document ->> 'reason' AS revoked_for,
           to_timestamp((revoked.document ->> 'since')::bigint) AT TIME ZONE 'UTC' AS since,
           issued.document ->> 'certificate' AS der_base64
    FROM record AS issued
    LEFT JOIN record AS revoked ON revoked.kind = 'revocation' AND revoked.key = issued.key
    WHERE issued.kind = 'certificate';
CREATE VIEW audit_log AS
    SELECT sequence, to_timestamp(at) AT TIME ZONE 'UTC' AS time, actor, operation, outcome,
           subject
    FROM audit;
