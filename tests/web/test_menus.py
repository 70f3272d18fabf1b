"""Menus in the browser, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_escape_closes_a_menu(lab: Any, look: Callable[..., Any]) -> None:
    page = look("/")
    page.click("#user-menu summary")
    page.wait_for_selector("#user-menu .menu-items")
    page.keyboard.press("Escape")
    page.wait_for_selector("#user-menu .menu-items", state="hidden")


def test_a_click_beside_a_menu_closes_it_and_does_nothing_else(lab: Any, look: Callable[..., Any]) -> None:
    page = look("/scans")
    page.click("#user-menu summary")
    page.click(".rail-item[href='/instruments']")
    page.wait_for_selector("#user-menu .menu-items", state="hidden")
    assert page.url.endswith("/scans")
    page.click(".rail-item[href='/instruments']")
    page.wait_for_url("**/instruments")


def test_stopping_goes_through_an_open_menu(lab: Any, look: Callable[..., Any]) -> None:
    page = look("/")
    page.click("#user-menu summary")
    page.click("#stop-everything")
    page.wait_for_selector("dialog[open] button.danger")


def test_a_name_that_is_its_role_is_said_once(lab: Any, look: Callable[..., Any], sign_in_with: Any) -> None:
    assert look("/").locator("#user-menu .menu-note").inner_text() == ""  # closed
    lab.db.users.create("operator", "correct horse battery", "operator")
    client = lab.app.test_client()
    sign_in_with(client, username="operator", password="correct horse battery")
    assert '<p class="menu-note">operator</p>' in client.get("/").get_data(as_text=True)
