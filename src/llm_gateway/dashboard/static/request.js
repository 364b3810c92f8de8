"use strict";
/* The list of requests and one of them: closing it goes back to the list as it was left, filter and all. Pages
   tell nobody where they were come from, so the list itself notes what is opened from it, in this tab alone. */
(() => {
  const close = document.querySelector("a[data-close]");
  if (!close) {
    const note = (event) => {
      const link = event.target.closest("a[data-open]");
      if (link) sessionStorage.setItem("opened", JSON.stringify([link.pathname, location.search]));
    };
    document.addEventListener("click", note);
    return;
  }
  let opened = [];
  try { opened = JSON.parse(sessionStorage.getItem("opened")) || []; } catch { /* of another version */ }
  const [path, search] = opened;
  if (typeof search === "string" && search.startsWith("?")) close.search = search;
  close.addEventListener("click", (event) => {
    if (path !== location.pathname || history.length < 2) return;
    event.preventDefault();
    history.back();
  });
})();
