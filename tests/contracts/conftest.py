from tests.unit.assets.ledger.support import ledger, ledger_url, postgresql_server, sqlite_template

__all__ = ["ledger", "ledger_url", "postgresql_server", "sqlite_template"]
