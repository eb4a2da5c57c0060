-- Version 1 of the portal's store. docs/portal-store.md describes it.

-- One row: the version of the schema, and how many commits there were.
CREATE TABLE store (
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

-- What the portal knows: one JSON document a record.
CREATE TABLE record (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    document TEXT NOT NULL CHECK (json_valid(document)),
    PRIMARY KEY (kind, key)
) STRICT;

-- The audit log: each hash is over the row and the hash of the row before it.
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
    at INTEGER NOT NULL CHECK (at >= 0),
    actor TEXT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    subject TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- The records again, for people.
CREATE VIEW card AS
    SELECT key AS card_number,
           document ->> '$.holder.hsa_id' AS hsa_id,
           json_array_length(document, '$.removed') AS removed
    FROM record WHERE kind = 'card';
CREATE VIEW placed_order AS
    SELECT document ->> '$.number' AS number,
           key AS id,
           document ->> '$.card_number' AS card_number,
           document ->> '$.state' AS state,
           datetime(document ->> '$.since', 'unixepoch') AS since,
           document ->> '$.pair.authentication' AS authentication,
           document ->> '$.pair.signature' AS signature
    FROM record WHERE kind = 'order';
CREATE VIEW certificate AS
    SELECT issued.document ->> '$.authority' AS authority,
           issued.document ->> '$.serial' AS serial,
           revoked.document ->> '$.reason' AS revoked_for,
           datetime(revoked.document ->> '$.since', 'unixepoch') AS since,
           issued.document ->> '$.certificate' AS der_base64
    FROM record AS issued
    LEFT JOIN record AS revoked ON revoked.kind = 'revocation' AND revoked.key = issued.key
    WHERE issued.kind = 'certificate';
CREATE VIEW audit_log AS
    SELECT sequence, datetime(at, 'unixepoch') AS time, actor, operation, outcome, subject
    FROM audit;
