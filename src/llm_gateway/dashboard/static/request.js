"use strict";
/* One request: closing it goes back to the list as it was left, where that is where one came from. */
(() => {
  const close = document.querySelector("a[data-close]");
  close.addEventListener("click", (event) => {
    let from = null;
    try { from = new URL(document.referrer); } catch { /* opened by itself */ }
    if (!from || from.origin !== location.origin || history.length < 2 || from.pathname.startsWith("/requests/")) return;
    event.preventDefault();
    history.back();
  });
})();
