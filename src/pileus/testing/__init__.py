"""The cloud inside a test: in-process, isolated, thread-safe. `plugin` is the pytest plugin.

Nothing is imported here: pytest loads the plugin in every environment that has Pileus installed.
"""
