// Stands in for a component when its bundle was not made at set-up: says so, and says how.

const words = "This part of the page was not built when this workspace was set up. Run “python -m apps.assets.build” and start the screens again."

function render({el}) {
  const note = document.createElement("p")
  note.setAttribute("role", "alert")
  note.textContent = words
  el.append(note)
}

export default {RuleBuilder: {render}, MailEditor: {render}, Calendar: {render}}
