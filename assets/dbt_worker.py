"""dbt in a process of its own that is ready before it is asked: `python -m assets.dbt_worker PARSE-WORDS…`.

It loads dbt and the parsed project at once, then waits for lines on standard input: the words of a command each, as JSON.
On standard output it answers with a line of JSON for each model and test that ends, and a last one with the verdict.
Where no more lines can come it ends quietly. It imports nothing of the product, so that it is ready soon.
"""

import json
import os
import sys
from typing import IO, Any, Final

RESULTS: Final = frozenset({"LogModelResult", "LogSnapshotResult", "LogTestResult"})


def main() -> None:
    """Load, then for each line: run, answer, and let go of the warehouse."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415 - heavy: only where this runs
    from dbt.cli.main import dbtRunner  # noqa: PLC0415
    from dbt_common.events.functions import msg_to_dict  # noqa: PLC0415

    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)  # what dbt and its plugins print is no answer
        parsed = dbtRunner().invoke(["parse", *sys.argv[1:]])

        def heard(message: Any) -> None:
            if message.info.name in RESULTS:
                _answer(answers, event=msg_to_dict(message))

        for line in sys.stdin:
            if not parsed.success:
                _answer(answers, problems=[f"the project doesn't parse: {parsed.exception}"])
                return
            done = dbtRunner(manifest=parsed.result, callbacks=[heard]).invoke(json.loads(line))
            DuckDBConnectionManager.close_all_connections()  # the asset that asked opens the file next
            _answer(answers, problems=_problems(done))


def _problems(done: Any) -> list[str]:
    if done.exception is not None:
        return [str(done.exception)]
    if done.success:
        return []
    failed = (result for result in done.result.results if str(result.status) in {"error", "fail"})
    return [f"{result.node.name}: {(result.message or str(result.status)).strip()}" for result in failed]


def _answer(answers: IO[str], **facts: Any) -> None:
    answers.write(json.dumps(facts, default=str) + "\n")


if __name__ == "__main__":
    main()
