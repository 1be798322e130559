/* Looks for news while something runs, as long as nobody is busy with the page and nobody has stopped it. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const button = document.getElementById("live");
  let stopped = location.hash === "#still";
  const tell = () => { button.textContent = stopped ? "Look for news again" : "Stop looking for news"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    stopped = !stopped;
    history.replaceState(null, "", stopped ? "#still" : location.href.split("#")[0]);
    tell();
  });
  tell();
  setInterval(() => {
    const busy = document.hidden || String(getSelection()) || document.activeElement !== document.body;
    if (!stopped && !busy) location.reload();
  }, 10000);
});
