// Stands in for the rule builder when its bundle was not made at set-up: says so, and says how.

const words = "The rule builder was not built when this workspace was set up. Run “python -m apps.assets.build” and start the screens again."

function render({el}) {
  const note = document.createElement("p")
  note.setAttribute("role", "alert")
  note.textContent = words
  el.append(note)
}

export default {RuleBuilder: {render}}
