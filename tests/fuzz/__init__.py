"""Fuzz targets for the readers of ``dsgvo.wire``, run by atheris (``make fuzz``) and hypothesis."""
