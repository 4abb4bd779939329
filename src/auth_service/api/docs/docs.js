// What makes reading quicker, and what the page does without: a filter, links that open what they lead to, and copying.
"use strict";

const filter = document.getElementById("filter");
const operations = [...document.querySelectorAll(".operation")];
const contents = document.querySelector(".contents");

function showMatching() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const operation of operations) {
    const text = operation.querySelector("summary").textContent.toLowerCase();
    operation.hidden = !words.every((word) => text.includes(word));
    document.querySelector(`[data-for="${operation.id}"]`).hidden = operation.hidden;
  }
  for (const part of document.querySelectorAll(".subject, .group")) {
    part.hidden = !part.querySelector(".operation:not([hidden])");
  }
  for (const list of document.querySelectorAll("nav ul")) {
    list.hidden = list.previousElementSibling.hidden = !list.querySelector("li:not([hidden])");
  }
  for (const section of document.querySelectorAll("nav section")) {
    section.hidden = !section.querySelector("li:not([hidden])");
  }
  document.querySelector(".about").hidden = words.length > 0;
  document.getElementById("nothing").hidden = operations.some((operation) => !operation.hidden);
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.matches(".operation")) {
    target.open = true;
    target.scrollIntoView();
  }
}

function addCopying(box) {
  const code = box.querySelector("code");
  code.textContent = code.textContent.replace("$SERVICE", location.origin);
  if (!navigator.clipboard) {
    return;
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy as curl";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => {
      button.textContent = "Copy as curl";
    }, 1500);
  });
  box.append(button);
}

for (const box of document.querySelectorAll(".try")) {
  addCopying(box);
}
filter.parentElement.hidden = false;
filter.addEventListener("input", showMatching);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target === document.body) {
    event.preventDefault();
    contents.open = true;
    filter.focus();
  }
});
// On a narrow screen the contents would stand before everything else.
if (matchMedia("(max-width: 62rem)").matches) {
  contents.open = false;
}
window.addEventListener("hashchange", openTarget);
openTarget();
