// Light, dark, or as the system says. The choice is a cookie, so the server draws it at once.
const root = document.documentElement;

function isDark() {
  if (root.dataset.theme) return root.dataset.theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  root.dataset.theme = isDark() ? "light" : "dark";
  document.cookie = `ringdove_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
});
