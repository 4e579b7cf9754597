"""What calls tell, read from their transcripts: only the reading is kept here, never the words."""

UNREAD = """
    select calls.*
    from (
        select 'call' as source, call_id as reference_id, transcript
        from calls
        where transcript is not null
        union all
        select 'outcome' as source, event_id as reference_id, json_extract_string(payload, '$.transcript') as transcript
        from outcomes
        where json_valid(payload) and json_exists(payload, '$.transcript')
    ) as calls
    {not_yet_read}
    order by source, reference_id
"""


def model(dbt, session):
    """Grain: a call with a transcript, from the call logs or from the outcome of a call that the system made."""
    dbt.config(materialized="incremental", incremental_strategy="append", on_schema_change="fail")
    reader = dbt.config.meta_get(
        "call_reader", "words"
    )  # alone in its statement, or dbt doesn't see that it's asked for
    calls, outcomes = dbt.ref("stg_call_logs"), dbt.ref("stg_outcomes")
    session.register("calls", calls)
    session.register("outcomes", outcomes)
    known = ""
    if dbt.is_incremental:
        known = (
            f"anti join {dbt.this} as known on calls.source = known.source and calls.reference_id = known.reference_id"
        )
    rows = session.sql(UNREAD.format(not_yet_read=known)).fetchall()
    readings = []
    if rows:
        from ml.signals.calls import read_calls  # noqa: PLC0415 - the text model is slow to import, and not every day has calls

        readings = read_calls([transcript for _, _, transcript in rows], reader)
    return session.sql(
        """
        select
            unnest($sources::varchar[]) as source,
            unnest($ids::varchar[]) as reference_id,
            unnest($intents::varchar[]) as intent,
            unnest($objections::varchar[]) as objection,
            unnest($sentiments::double[]) as sentiment
        """,
        params={
            "sources": [row[0] for row in rows],
            "ids": [row[1] for row in rows],
            "intents": [reading.intent for reading in readings],
            "objections": [reading.objection for reading in readings],
            "sentiments": [reading.sentiment for reading in readings],
        },
    )
