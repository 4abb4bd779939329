// A little comfort; every page works without it.
"use strict";

for (const button of document.querySelectorAll("button.show")) {
  const field = document.getElementById(button.getAttribute("aria-controls"));
  const show = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
  };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  // Browsers and password managers keep what they know to be a password.
  field.form.addEventListener("submit", () => show(false));
}

// A second click while the first is under way sends nothing; a page that comes back from history is fresh again.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

for (const moment of document.querySelectorAll("time[datetime]")) {
  const when = new Date(moment.dateTime);
  const words = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  if (!Number.isNaN(when.valueOf())) moment.textContent = words.format(when);
}
