// Menus (details.menu): Escape closes one, and so does a click beside it, which does nothing else.

const openMenus = () => [...document.querySelectorAll("details.menu[open]")];

/** Stopping comes before all else, and a dialog that has opened meanwhile lies over the menu. */
const passes = (target) => target.closest('[data-action="stop-everything"], dialog') !== null;

export function bindMenus() {
  document.addEventListener("click", (event) => {
    const left = openMenus().filter((menu) => !menu.contains(event.target));
    if (left.length === 0) return;
    for (const menu of left) menu.open = false;
    if (passes(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}
