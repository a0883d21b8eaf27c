// The one element of a role with a name that a person could use now. Under an open dialog nothing else can be used.
//
// In: role, name. Out: the element, or a text that says what there is instead.
const [role, name] = arguments;
const SELECTORS = {
  button: "button, summary, [role=button]",
  link: "a[href]:not([role])",
  tab: "[role=tab]",
  checkbox: "input[type=checkbox]",
  field: "input:not([type=checkbox], [type=hidden]), textarea, select",
};
const words = (element) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("[aria-hidden=true], [hidden]")) texts.push(walker.currentNode.data);
  }
  return texts.join(" ").replace(/\s+/g, " ").trim();
};
const nameOf = (element) =>
  element.getAttribute("aria-label") ?? words(element.labels?.[0] ?? element);
const dialogs = document.querySelectorAll("dialog:modal");
const scope = dialogs[dialogs.length - 1] ?? document;
const usable = [...scope.querySelectorAll(SELECTORS[role])].filter(
  (element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled,
);
const exact = usable.filter((element) => nameOf(element) === name);
const begins = usable.filter(
  (element) => nameOf(element).startsWith(name) && !/[a-z]/i.test(nameOf(element)[name.length] ?? ""),
);
const found = exact.length > 0 ? exact : begins;
if (found.length === 1) return found[0];
return `${found.length} of role ${role} are called "${name}"; there are: ${usable.map(nameOf).join(" | ").slice(0, 1000)}`;
