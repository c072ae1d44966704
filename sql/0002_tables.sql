-- Tables.  Every key begins with the tenant, so that they can be distributed
-- by it.  Between tables there are no foreign keys: nodes deliver on their
-- own, and a customer's message may arrive before the ticket it belongs to.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE DOMAIN tenant_key AS text
    CHECK (VALUE ~ '^[a-z0-9._-]{1,64}$');

CREATE TABLE tenant (
    tenant       tenant_key PRIMARY KEY,
    name         text CHECK (char_length(name) <= 200),
    began_at     timestamptz NOT NULL DEFAULT now()
);

-- which tenants an agent's login may see; '*' is all of them

CREATE TABLE agent (
    login        name NOT NULL,
    tenant       text NOT NULL
                 CHECK (tenant = '*' OR tenant ~ '^[a-z0-9._-]{1,64}$'),
    PRIMARY KEY (tenant, login)
);

CREATE TABLE ticket (
    tenant       tenant_key NOT NULL,
    id           uuid NOT NULL,
    folio        text NOT NULL CHECK (folio ~ '^[0-9A-Z]+(-[0-9A-Z]+)*$'
                                      AND char_length(folio) <= 40),
    body_sha256  bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
    subject      text NOT NULL CHECK (char_length(subject) BETWEEN 1 AND 280),
    description  text NOT NULL
                 CHECK (char_length(description) BETWEEN 1 AND 40000),
    category     text NOT NULL CHECK (char_length(category) BETWEEN 1 AND 64),
    out_of_scope boolean NOT NULL DEFAULT false,
    urgent       boolean NOT NULL DEFAULT false,
    queue        text NOT NULL DEFAULT '' CHECK (char_length(queue) <= 64),
    email        text CHECK (char_length(email) <= 320),
    name         text CHECK (char_length(name) <= 280),
    phone        text CHECK (char_length(phone) <= 64),
    verified     boolean NOT NULL DEFAULT false,
    user_id      text CHECK (char_length(user_id) <= 320),
    context      jsonb NOT NULL DEFAULT '{}'
                 CHECK (jsonb_typeof(context) = 'object'
                        AND octet_length(context::text) <= 65536),
    lang         text NOT NULL DEFAULT 'es' CHECK (lang ~ '^[A-Za-z-]{2,16}$'),
    node         text NOT NULL CHECK (char_length(node) BETWEEN 1 AND 255),
    filed_at     timestamptz NOT NULL,
    reply_due    timestamptz,
    stored_at    timestamptz NOT NULL DEFAULT clock_timestamp(),

    -- what the help desk changes

    status       text NOT NULL DEFAULT 'received'
                 CHECK (status IN ('received', 'open', 'waiting', 'solved',
                                   'closed')),
    assignee     text CHECK (char_length(assignee) <= 320),
    replied_at   timestamptz,
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, id)
);

CREATE INDEX ticket_filed ON ticket (tenant, filed_at DESC);
CREATE INDEX ticket_folio ON ticket (tenant, folio);
CREATE INDEX ticket_email ON ticket (tenant, lower(email), filed_at DESC);
CREATE INDEX ticket_user ON ticket (tenant, user_id, filed_at DESC)
    WHERE verified;
CREATE INDEX ticket_queue ON ticket (queue, reply_due)
    WHERE status IN ('received', 'open', 'waiting');

CREATE TABLE ticket_message (
    tenant       tenant_key NOT NULL,
    id           uuid NOT NULL DEFAULT gen_random_uuid(),
    ticket       uuid NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    author       text NOT NULL CHECK (author IN ('agent', 'customer')),
    visible      boolean NOT NULL DEFAULT true,
    body         text NOT NULL CHECK (char_length(body) BETWEEN 1 AND 40000),
    body_sha256  bytea CHECK (octet_length(body_sha256) = 32),
    login        name,
    node         text CHECK (char_length(node) <= 255),
    PRIMARY KEY (tenant, id)
);

CREATE INDEX ticket_message_ticket ON ticket_message (tenant, ticket, at);

-- name: what the server called the file; filename: what the customer did

CREATE TABLE attachment (
    tenant       tenant_key NOT NULL,
    ticket       uuid NOT NULL,
    name         text NOT NULL CHECK (name ~ '^[a-z0-9_-][a-z0-9._-]{0,62}$'),
    filename     text NOT NULL DEFAULT '' CHECK (char_length(filename) <= 255),
    type         text NOT NULL DEFAULT 'application/octet-stream'
                 CHECK (char_length(type) <= 127),
    size         bigint NOT NULL CHECK (size >= 0),
    sha256       bytea CHECK (octet_length(sha256) = 32),
    content      bytea,
    stored_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, ticket, name)
);

-- pictures and archives are compressed already

ALTER TABLE attachment ALTER COLUMN content SET STORAGE EXTERNAL;

-- what could not be taken; the whole of it lies in a node's dead/

CREATE TABLE ticket_reject (
    tenant       text NOT NULL,
    id           text NOT NULL,
    reason       text NOT NULL,
    node         text,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    times        int NOT NULL DEFAULT 1,
    raw          text NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- '*' is the whole fleet

CREATE DOMAIN scope_key AS text
    CHECK (VALUE = '*' OR VALUE ~ '^[a-z0-9._-]{1,64}$');

CREATE TABLE incident (
    tenant       scope_key NOT NULL,
    id           uuid NOT NULL,
    version      bigint NOT NULL DEFAULT 1,
    source       text NOT NULL CHECK (source IN ('detected', 'operator')),
    title        text NOT NULL CHECK (char_length(title) <= 400),
    impact       text NOT NULL DEFAULT 'none',
    status       text NOT NULL DEFAULT 'investigating',
    blocking     boolean NOT NULL DEFAULT false,
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    node         text NOT NULL,
    CHECK (closed_at >= opened_at),
    PRIMARY KEY (tenant, id)
);

CREATE INDEX incident_open ON incident (tenant) WHERE closed_at IS NULL;

CREATE TABLE incident_update (
    tenant       scope_key NOT NULL,
    incident     uuid NOT NULL,
    at           timestamptz NOT NULL,
    status       text NOT NULL,
    message      text NOT NULL DEFAULT '' CHECK (char_length(message) <= 4000),
    PRIMARY KEY (tenant, incident, at)
);

CREATE TABLE maintenance (
    tenant       scope_key NOT NULL,
    id           uuid NOT NULL,
    version      bigint NOT NULL DEFAULT 1,
    title        text NOT NULL DEFAULT '' CHECK (char_length(title) <= 400),
    message      text NOT NULL DEFAULT '' CHECK (char_length(message) <= 4000),
    announced_at timestamptz NOT NULL,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz,
    removed      boolean NOT NULL DEFAULT false,
    node         text NOT NULL,
    CHECK (ends_at >= starts_at),
    PRIMARY KEY (tenant, id)
);

CREATE INDEX maintenance_ends ON maintenance (tenant, ends_at);

CREATE TABLE backup_report (
    tenant       tenant_key NOT NULL,
    part         text NOT NULL CHECK (part IN ('database', 'files')),
    finished_at  timestamptz NOT NULL,
    bytes        bigint NOT NULL CHECK (bytes >= 0),
    ok           boolean NOT NULL,
    node         text NOT NULL,
    PRIMARY KEY (tenant, part, finished_at)
);

-- whole minutes that were not "up", as the node that led them saw them

CREATE TABLE state_span (
    tenant       tenant_key NOT NULL,
    began_at     timestamptz NOT NULL,
    node         text NOT NULL,
    ended_at     timestamptz NOT NULL,
    state        text NOT NULL
                 CHECK (state IN ('degraded', 'down', 'maintenance', 'restore',
                                  'unknown')),
    CHECK (ended_at >= began_at),
    PRIMARY KEY (tenant, began_at, node)
);

-- absolute values of a minute of one node's boot: a repeat changes nothing

CREATE TABLE minute_sum (
    tenant       tenant_key NOT NULL,
    minute       timestamptz NOT NULL,
    node         text NOT NULL,
    boot         uuid NOT NULL,
    good         bigint NOT NULL DEFAULT 0,
    hard         bigint NOT NULL DEFAULT 0,
    soft         bigint NOT NULL DEFAULT 0,
    slow         bigint NOT NULL DEFAULT 0,
    excluded     bigint NOT NULL DEFAULT 0,
    upstream_ms  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, minute, node, boot)
) PARTITION BY RANGE (minute);

CREATE INDEX minute_sum_minute ON minute_sum
    USING brin (minute) WITH (pages_per_range = 32, autosummarize = on);

-- An answer of the help desk, a word of the customer: the ticket follows.
-- A closed ticket stays closed, a solved one is opened again.

CREATE FUNCTION follow_message() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, soporte, pg_temp AS $$
BEGIN
    IF NEW.author = 'customer' THEN
        UPDATE ticket t SET status = 'open', changed_at = clock_timestamp()
        WHERE t.tenant = NEW.tenant AND t.id = NEW.ticket
              AND t.status IN ('waiting', 'solved');

    ELSIF NEW.visible THEN
        UPDATE ticket t
        SET replied_at = coalesce(t.replied_at, NEW.at),
            status = CASE WHEN t.status IN ('received', 'open')
                     THEN 'waiting' ELSE t.status END,
            changed_at = clock_timestamp()
        WHERE t.tenant = NEW.tenant AND t.id = NEW.ticket;
    END IF;

    RETURN NULL;
END $$;

CREATE TRIGGER follow AFTER INSERT ON ticket_message
    FOR EACH ROW EXECUTE FUNCTION follow_message();

RESET ROLE;
