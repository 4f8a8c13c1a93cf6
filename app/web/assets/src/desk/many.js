/** Tick all rows at once, and say how many are ticked. Without script the boxes and buttons work all the same. */
export function tickMany(document) {
  const form = document.querySelector("[data-many]");
  if (!form) return;
  const boxes = [...document.querySelectorAll(`input[name=task][form=${form.id}]`)];
  const all = form.querySelector("[data-many-all]");
  const said = form.querySelector("[data-many-count]");
  const idle = said.textContent;
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    said.textContent = ticked ? said.dataset.word.replace("{number}", ticked) : idle;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
    form.classList.toggle("is-ticked", ticked > 0);
  };
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    count();
  });
  for (const box of boxes) box.addEventListener("change", count);
  count();
}
