"""The record of the laboratory: models, services that speak the lab's language, migrations, web pages."""
