// Long names in tables, such as DD_TRACE_PROPAGATION_STYLE, may break after a sign; copied, they are whole.
const whole = matchMedia("(min-width: 60em)").matches ? 24 : 12;
for (const code of document.querySelectorAll("td code")) {
  if (code.textContent.length > whole) {
    code.innerHTML = code.innerHTML.replace(/[_.=,:/|)](?=[^\s<])/g, "$&<wbr>");
  }
}
