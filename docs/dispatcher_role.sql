-- A role for the process that dispatches: it hands over what was released and can authorize nothing.
-- Run once, by the owner of the ledger's database: psql -v ON_ERROR_STOP=1 -f docs/dispatcher_role.sql
-- Then give the role a password, let a login have it, and start the dispatcher with a WAYFINDER_LEDGER_URL of that login.
-- Tables that a later version adds are closed to it until this is run again.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wayfinder_dispatcher') THEN
        CREATE ROLE wayfinder_dispatcher NOLOGIN;
    END IF;
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM wayfinder_dispatcher;
GRANT USAGE ON SCHEMA public TO wayfinder_dispatcher;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO wayfinder_dispatcher;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO wayfinder_dispatcher;

-- What it writes: how far each message is, what the provider said, what that cost, how the channel does, and the trail; what a message
-- said is removed once it has left.
GRANT UPDATE ON outbox TO wayfinder_dispatcher;
GRANT UPDATE (held_micros, spent_micros) ON budget TO wayfinder_dispatcher;
GRANT INSERT, UPDATE ON receipt, channel_health, counter, budget_entry TO wayfinder_dispatcher;
GRANT INSERT ON audit TO wayfinder_dispatcher;
GRANT DELETE ON payload TO wayfinder_dispatcher;
