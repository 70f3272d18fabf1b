// Runs before the first paint so that the chosen theme does not flash; "auto" follows the system.
(function () {
  try {
    var chosen = localStorage.getItem("pybirch-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (error) {
    // Storage may be forbidden; then the system's theme holds.
  }
})();
