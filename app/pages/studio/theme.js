// The color theme: the system's unless the reader chose one.  Loaded before the page is drawn, so
// that the other theme does not flash.

const stored = () => {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // storage is blocked
  }
};
const theme = stored();
if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

addEventListener("DOMContentLoaded", () => {
  const order = ["system", "light", "dark"];
  const button = document.getElementById("theme");
  const show = () => {
    const name = document.documentElement.dataset.theme ?? "system";
    button.title = `Color theme: ${name}`;
    button.setAttribute("aria-label", button.title);
  };
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? "system";
    const next = order[(order.indexOf(now) + 1) % order.length];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("theme", next);
    } catch {
      // Without storage, the choice lasts until the page is left.
    }
    show();
  });
  show();
});
