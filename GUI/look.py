"""Colours, sizes and the style sheet, light or dark as the system is."""

from __future__ import annotations

from qtpy.QtCore import QObject, Qt, Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette

from GUI.style import STYLE
from GUI.tokens import load_tokens


def system_is_dark() -> bool:
    """What the desktop asks for; where it says nothing, what its palette looks like."""
    hints = QGuiApplication.styleHints()
    scheme = hints.colorScheme() if hints is not None and hasattr(hints, "colorScheme") else None
    if scheme is not None and scheme != Qt.ColorScheme.Unknown:
        return scheme == Qt.ColorScheme.Dark
    return QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128


class Look(QObject):
    """Handed to every widget; `changed` says that the colours are others now."""

    changed = Signal()

    def __init__(self, dark: bool | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.dark = system_is_dark() if dark is None else dark
        self._tokens = load_tokens(dark=self.dark)
        hints = QGuiApplication.styleHints()
        if dark is None and hints is not None and hasattr(hints, "colorSchemeChanged"):
            hints.colorSchemeChanged.connect(self._follow_system)

    def _follow_system(self) -> None:
        self.set_dark(system_is_dark())

    def set_dark(self, dark: bool) -> None:
        if dark != self.dark:
            self.dark = dark
            self._tokens = load_tokens(dark=dark)
            self.changed.emit()

    def __getitem__(self, name: str) -> str:
        return self._tokens[name]

    def color(self, name: str) -> QColor:
        return QColor(self._tokens[name])

    def state(self, state: str) -> QColor:
        """The colour of a scan's, queue's or instrument's state."""
        return QColor(self._tokens.get(f"state-{state}", self._tokens["muted"]))

    def soft(self, color: QColor) -> QColor:
        """A quiet background for text of that colour."""
        surface, share = self.color("surface"), 0.16 if self.dark else 0.10
        return QColor.fromRgbF(
            *(
                share * a + (1 - share) * b
                for a, b in zip(color.getRgbF()[:3], surface.getRgbF()[:3], strict=True)
            )
        )

    def size(self, name: str) -> int:
        """A length in pixels."""
        return int(float(self._tokens[name].removesuffix("px")))

    def mono(self) -> QFont:
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(self.size("text-small"))
        return font

    def palette(self) -> QPalette:
        """For the parts that style sheets do not reach."""
        role, palette = QPalette.ColorRole, QPalette()
        for name, roles in {
            "background": (role.Window,),
            "surface": (role.Base, role.Button),
            "raised": (role.AlternateBase, role.ToolTipBase),
            "text": (role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText),
            "muted": (role.PlaceholderText,),
            "accent": (role.Highlight, role.Link),
            "on-accent": (role.HighlightedText,),
        }.items():
            for each in roles:
                palette.setColor(each, self.color(name))
        return palette

    def style_sheet(self) -> str:
        """Qt's style sheet made from the tokens."""
        sheet = STYLE
        for name in sorted(self._tokens, key=len, reverse=True):
            sheet = sheet.replace(f"@{name};", f"{self._tokens[name]};")
            sheet = sheet.replace(f"@{name} ", f"{self._tokens[name]} ")
        return sheet
