// Elements. What spans say is set as text and as attributes, never as HTML.

const byId = (id) => document.getElementById(id);

/** `el("p", {class: "soft", style: {"--hue": "red"}, onclick: f}, "text", child)`; empty texts and nulls are left out. */
function el(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "style") {
      for (const [property, set] of Object.entries(value)) made.style.setProperty(property, set);
    } else if (name.startsWith("on")) {
      made.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

function copyButton(text, what) {
  const button = el("button", { type: "button", class: "copy", title: `Copy ${what}` }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      // No clipboard on a page that is neither on this machine nor encrypted.
      button.textContent = "select the text instead";
    }
    setTimeout(() => (button.textContent = "copy"), 1500);
  });
  return button;
}
