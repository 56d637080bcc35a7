"""The fields of a connection: settings, rare settings, and both as one connection string."""

from collections.abc import Mapping
from typing import Any

from nicegui import events, ui

from syncline.control.forms import FormField, connection_string, fields_of
from syncline.control.plane import MASK
from syncline.control.sealing import flattened
from syncline.errors import SynclineError
from syncline.web.parts import lead_to


class ConnectionForm:
    """The fields, kept in step with the connection string."""

    def __init__(
        self, type_: str, given: Mapping[str, object], secrets: frozenset[str] = frozenset()
    ) -> None:
        self.type = type_
        self._values = {name: str(value) for name, value in given.items()}
        self._secrets = secrets
        self._inputs: dict[str, Any] = {}
        self._quiet = False
        with ui.tabs().props('no-caps align=left aria-label="Parts of the form"') as tabs:
            for title in ("Settings", "Advanced", "Connection String"):
                ui.tab(title)
        self.tabs = tabs
        with ui.tab_panels(tabs, value="Settings", animated=False, keep_alive=True):
            with ui.tab_panel("Settings"):
                self._common = ui.element("div").classes("form")
            with ui.tab_panel("Advanced"):
                self._rare = ui.element("div").classes("form")
            with ui.tab_panel("Connection String"), ui.element("div").classes("form"):
                self._text = ui.textarea("Connection string").classes("mono secret")
                self._text.props("outlined autogrow debounce=400 spellcheck=false")
                self._text.on_value_change(self._text_changed)
                with ui.element("p").classes("muted small"):
                    ui.label(
                        f"The same settings as one line, as other programs take it. {MASK} stands "
                        "for a secret that is kept."
                    )
        self._build()

    @property
    def properties(self) -> dict[str, object]:
        """What is filled in, by canonical name; kept secrets are left out."""
        return {name: value for name, value in self._values.items() if value not in {"", MASK}}

    @property
    def missing(self) -> list[str]:
        """Labels of required fields that are empty; they are marked, too."""
        found = []
        for field in self._fields:
            empty = field.required and not self._values.get(field.name)
            kept = field.name in self._secrets
            if empty and not kept:
                self._inputs[field.name].props('error error-message="This is needed"')
                found.append(field.label)
        return found

    def lead_to_missing(self) -> bool:
        """Mark required fields that are empty, and lead to the first; return whether some are."""
        missing = self.missing
        if missing:
            self.tabs.value = "Settings"
            first = next(f for f in self._fields if f.label == missing[0])
            lead_to(self._inputs[first.name], mark=False)
        return bool(missing)

    def point_at(self, name: str) -> None:
        """Lead to the field of a property, if there is one of that name."""
        found = next((f for f in self._fields if f.name.lower() == name.lower()), None)
        if found is not None:
            self.tabs.value = "Advanced" if found.advanced else "Settings"
            lead_to(self._inputs[found.name])

    def _build(self) -> None:
        profile = self._values.get("Profile", "")
        try:
            self._fields = fields_of(self.type, profile, self._values.get("AuthScheme", ""))
        except SynclineError:
            # The path of an own profile, not (yet) that of a file.
            self._fields = fields_of(self.type)
        self._inputs.clear()
        self._common.clear()
        self._rare.clear()
        known = {field.name for field in self._fields}
        more = tuple(
            FormField(name=name, label=name, help="", advanced=True)
            for name in self._values
            if name not in known and name != "Profile"
        )
        for field in (*self._fields, *more):
            with self._rare if field.advanced else self._common:
                self._inputs[field.name] = self._input(field)
        self._show_text()

    def _input(self, field: FormField) -> ui.element:
        value = self._values.get(field.name, field.default)
        if field.kind == "switch":
            switch = ui.switch(field.label, value=value.lower() == "true")
            switch.on_value_change(lambda e: self._changed(field, str(e.value)))
            ui.label(field.help).classes("muted small").style("margin-top:-14px")
            return switch
        if field.kind == "choice":
            chosen = ui.select(list(field.choices), value=value or None, label=field.label)
            chosen.props("outlined stack-label options-dense").props["hint"] = field.help
            chosen.on_value_change(lambda e: self._changed(field, str(e.value or "")))
            return chosen
        secret = field.kind == "secret"
        kept = field.name in self._secrets
        made = ui.input(
            f"{field.label} *" if field.required else field.label,
            value="" if value == MASK else value,
            placeholder=f"{MASK}  kept; type to replace it" if kept else field.example,
            password=secret,
            password_toggle_button=secret,
        ).props("outlined stack-label spellcheck=false")
        if secret:
            made.classes("secret")
        made.props["hint"] = field.help
        made.props["autocomplete"] = "new-password" if secret else "off"
        if field.kind == "number":
            made.props("inputmode=numeric")
        made.on_value_change(lambda e: self._changed(field, str(e.value or "")))
        return made

    def _changed(self, field: FormField, value: str) -> None:
        if self._quiet:
            return
        if value == field.default and field.name not in self._values:
            return
        self._values[field.name] = value.strip() if field.kind != "secret" else value
        self._inputs[field.name].props(remove="error error-message")
        if field.name == "AuthScheme" and self.type == "api":
            self._build()
        else:
            self._show_text()

    def _show_text(self) -> None:
        shown = {
            name: MASK if name in self._secret_names else value
            for name, value in self._values.items()
            if value
        }
        shown |= dict.fromkeys(self._secrets, MASK)
        self._quiet = True
        self._text.value = connection_string(shown)
        self._text.props(remove="error error-message")
        self._quiet = False

    @property
    def _secret_names(self) -> set[str]:
        return {field.name for field in self._fields if field.kind == "secret"} | self._secrets

    def _text_changed(self, event: events.ValueChangeEventArguments[str | None]) -> None:
        if self._quiet:
            return
        try:
            given = flattened(self.type, event.value or "")
        except SynclineError as error:
            self._text.props["error"] = True
            self._text.props["error-message"] = f"{error}: {error.hint}"
            return
        self._text.props(remove="error error-message")
        before = self._values
        self._values = {
            name: before.get(name, MASK) if value == MASK else str(value)
            for name, value in given.items()
        }
        self._rebuild_inputs(before)

    def _rebuild_inputs(self, before: Mapping[str, str]) -> None:
        """Show values that came as a connection string, and leave its text as it was typed."""
        typed = self._text.value
        if before != self._values:
            self._build()
        self._quiet = True
        self._text.value = typed
        self._quiet = False
