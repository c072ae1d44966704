-- Tables.  Every key begins with the tenant, so that they can be distributed
-- by it.  Between tables there are no foreign keys: nodes deliver on their
-- own, and a customer's message may arrive before the ticket it belongs to.

SET ROLE soporte_owner;
SET LOCAL search_path = soporte, pg_catalog;

CREATE DOMAIN tenant_key AS text
    CHECK (VALUE ~ '^[a-z0-9._-]{1,64}$');

-- '*' is the whole fleet, '@' no tenant but an upstream that several share

CREATE DOMAIN scope_key AS text
    CHECK (VALUE IN ('*', '@') OR VALUE ~ '^[a-z0-9._-]{1,64}$');

-- the last columns are what a node said last of the tenant's contract: the
-- zone of its months, ppm, whether announced maintenance is left out, and for
-- how many minutes a month; a calendar where it is not the one by default

CREATE TABLE tenant (
    tenant       tenant_key PRIMARY KEY,
    name         text CHECK (char_length(name) <= 200),
    began_at     timestamptz NOT NULL DEFAULT now(),
    zone         text NOT NULL DEFAULT 'America/Mexico_City'
                 CHECK (char_length(zone) <= 64),
    target       int NOT NULL DEFAULT 999900
                 CHECK (target BETWEEN 1 AND 1000000),
    excluded     boolean NOT NULL DEFAULT false,
    cap          int CHECK (cap >= 0),
    calendar     text
);

-- which tenants an agent's login may see; '*' is all of them

CREATE TABLE agent (
    login        name NOT NULL,
    tenant       text NOT NULL
                 CHECK (tenant = '*' OR tenant ~ '^[a-z0-9._-]{1,64}$'),
    PRIMARY KEY (tenant, login)
);


-- tickets

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

-- told_at: when an agent's reply went to the customer's e-mail; claimed_at:
-- when somebody set about it

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
    claimed_at   timestamptz,
    told_at      timestamptz,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX ticket_message_ticket ON ticket_message (tenant, ticket, at);
CREATE INDEX ticket_message_untold ON ticket_message (at)
    WHERE author = 'agent' AND visible AND told_at IS NULL;

-- A file belongs to the ticket or to one of its messages, its owner: both may
-- have a "file-00".  name: what the server called the file; filename: what the
-- customer did; stored: how many bytes from its start are there.

CREATE TABLE attachment (
    tenant       tenant_key NOT NULL,
    ticket       uuid NOT NULL,
    name         text NOT NULL CHECK (name ~ '^[a-z0-9_-][a-z0-9._-]{0,62}$'),
    filename     text NOT NULL DEFAULT '' CHECK (char_length(filename) <= 255),
    type         text NOT NULL DEFAULT 'application/octet-stream'
                 CHECK (char_length(type) <= 127),
    size         bigint NOT NULL CHECK (size >= 0),
    sha256       bytea CHECK (octet_length(sha256) = 32),
    stored_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner        uuid NOT NULL,
    stored       bigint NOT NULL DEFAULT 0,
    CHECK (stored BETWEEN 0 AND size),
    PRIMARY KEY (tenant, ticket, owner, name)
);

-- The bytes of an attachment come in parts, each a statement of its own: a
-- file of 15 MiB needs neither one long statement nor that much memory, and
-- what was cut off goes on where it stopped.

CREATE TABLE attachment_part (
    tenant       tenant_key NOT NULL,
    ticket       uuid NOT NULL,
    owner        uuid NOT NULL,
    name         text NOT NULL,
    at           bigint NOT NULL CHECK (at >= 0),
    content      bytea NOT NULL,
    PRIMARY KEY (tenant, ticket, owner, name, at)
);

-- pictures and archives are compressed already

ALTER TABLE attachment_part ALTER COLUMN content SET STORAGE EXTERNAL;

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

-- What went past a disk that took nothing has no link in any node's
-- spool/notify: it waits here until a pass of soporte-notify, at whichever
-- node asks first, has made the link.  Like those links it stays for a week.

CREATE TABLE notice (
    tenant       tenant_key NOT NULL,
    id           uuid NOT NULL,
    document     jsonb NOT NULL,
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_at   timestamptz,
    PRIMARY KEY (tenant, id)
);

-- while a ticket waits for its customer its clock stands still

CREATE TABLE ticket_pause (
    tenant       tenant_key NOT NULL,
    ticket       uuid NOT NULL,
    from_at      timestamptz NOT NULL,
    until_at     timestamptz,
    CHECK (until_at >= from_at),
    PRIMARY KEY (tenant, ticket, from_at)
);


-- business hours, written by nginx; a calendar is known in [from_at, until_at)

CREATE TABLE calendar (
    name         text PRIMARY KEY CHECK (char_length(name) BETWEEN 1 AND 255),
    timezone     text NOT NULL,
    from_at      timestamptz NOT NULL,
    until_at     timestamptz NOT NULL,
    by_default   boolean NOT NULL DEFAULT false,
    written_at   timestamptz NOT NULL,
    node         text NOT NULL,
    CHECK (until_at > from_at)
);

-- open in [opens_at, closes_at), apart from each other

CREATE TABLE calendar_interval (
    calendar     text NOT NULL,
    opens_at     timestamptz NOT NULL,
    closes_at    timestamptz NOT NULL,
    CHECK (closes_at > opens_at),
    PRIMARY KEY (calendar, opens_at)
);


-- what happened

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
    parent       uuid,
    cause        text NOT NULL DEFAULT '' CHECK (char_length(cause) <= 400),
    CHECK (closed_at >= opened_at),
    PRIMARY KEY (tenant, id)
);

CREATE INDEX incident_open ON incident (tenant) WHERE closed_at IS NULL;
CREATE INDEX incident_parent ON incident (parent) WHERE parent IS NOT NULL;

-- version: of the notice that had the word, which tells apart words of one
-- second

CREATE TABLE incident_update (
    tenant       scope_key NOT NULL,
    incident     uuid NOT NULL,
    at           timestamptz NOT NULL,
    status       text NOT NULL,
    message      text NOT NULL DEFAULT '' CHECK (char_length(message) <= 4000),
    version      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, incident, at, version)
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

-- backup_at: the instant that is restored to; due_at: promised end

CREATE TABLE restore (
    tenant       scope_key NOT NULL,
    id           uuid NOT NULL,
    version      bigint NOT NULL DEFAULT 1,
    phase        text NOT NULL
                 CHECK (phase IN ('detected', 'diagnosis', 'locating_backup',
                                  'verifying_backup', 'database',
                                  'public_files', 'private_files',
                                  'migration', 'checks', 'restored')),
    progress     int CHECK (progress BETWEEN 0 AND 100),
    message      text NOT NULL DEFAULT '' CHECK (char_length(message) <= 4000),
    backup_at    timestamptz,
    began_at     timestamptz NOT NULL,
    due_at       timestamptz,
    ended_at     timestamptz,
    node         text NOT NULL,
    CHECK (ended_at >= began_at),
    PRIMARY KEY (tenant, id)
);

CREATE INDEX restore_open ON restore (tenant) WHERE ended_at IS NULL;

-- each word that was given, so that a month's report shows its phases; version
-- as above

CREATE TABLE restore_update (
    tenant       scope_key NOT NULL,
    restore      uuid NOT NULL,
    at           timestamptz NOT NULL,
    phase        text NOT NULL,
    progress     int,
    message      text NOT NULL DEFAULT '' CHECK (char_length(message) <= 4000),
    version      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, restore, at, version)
);

CREATE TABLE backup_report (
    tenant       tenant_key NOT NULL,
    part         text NOT NULL CHECK (part IN ('database', 'files')),
    finished_at  timestamptz NOT NULL,
    bytes        bigint NOT NULL CHECK (bytes >= 0),
    ok           boolean NOT NULL,
    node         text NOT NULL,
    PRIMARY KEY (tenant, part, finished_at)
);


-- minutes and months

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

-- A minute of one node's boot: sums, and the slots of ten seconds that they
-- are of, either six numbers, the good ones, or six times [flags, good, hard,
-- soft, slow].

CREATE TABLE minute_sum (
    tenant       tenant_key NOT NULL,
    minute       timestamptz NOT NULL,
    node         text NOT NULL,
    boot         uuid NOT NULL,
    good         bigint NOT NULL DEFAULT 0,
    hard         bigint NOT NULL DEFAULT 0,
    soft         bigint NOT NULL DEFAULT 0,
    slow         bigint NOT NULL DEFAULT 0,
    slots        bigint[] NOT NULL DEFAULT '{0,0,0,0,0,0}'
                 CHECK (cardinality(slots) IN (6, 30)),
    clean        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, minute, node, boot)
) PARTITION BY RANGE (minute);

COMMENT ON COLUMN minute_sum.clean IS
    'nothing but good answers, in three slots at least: "up" by itself';

CREATE INDEX minute_sum_minute ON minute_sum
    USING brin (minute) WITH (pages_per_range = 32, autosummarize = on);

-- in which slots of a minute a node was there, a bit each

CREATE TABLE node_minute (
    minute       timestamptz NOT NULL,
    node         text NOT NULL CHECK (char_length(node) BETWEEN 1 AND 255),
    boot         uuid NOT NULL,
    served       smallint NOT NULL CHECK (served BETWEEN 0 AND 63),
    PRIMARY KEY (minute, node, boot)
);

-- exact to the second, as each node saw them; no end: it lasts

CREATE TABLE outage (
    tenant       tenant_key NOT NULL,
    began_at     timestamptz NOT NULL,
    node         text NOT NULL CHECK (char_length(node) BETWEEN 1 AND 255),
    ended_at     timestamptz,
    CHECK (ended_at >= began_at),
    PRIMARY KEY (tenant, began_at, node)
);

-- Reports of months whose minutes are kept no longer, and how a report looks.

CREATE TABLE month_kept (
    tenant                            tenant_key NOT NULL,
    month                             date NOT NULL,
    until                             timestamptz NOT NULL,
    planned_maintenance               text NOT NULL,
    target                            text NOT NULL,
    minutes                           bigint NOT NULL,
    down                              bigint NOT NULL,
    excluded                          bigint NOT NULL,
    unknown                           bigint NOT NULL,
    degraded                          bigint NOT NULL,
    maintenance                       bigint NOT NULL,
    availability                      text NOT NULL,
    availability_min                  text NOT NULL,
    availability_max                  text NOT NULL,
    availability_with_maintenance     text NOT NULL,
    availability_without_maintenance  text NOT NULL,
    verdict                           text NOT NULL,
    budget_seconds                    bigint,
    left_seconds                      bigint,
    down_seconds                      bigint NOT NULL,
    outage_seconds                    bigint NOT NULL,
    PRIMARY KEY (tenant, month)
);

RESET ROLE;
