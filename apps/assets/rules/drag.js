// Dragging by pointer, mouse or finger: which node moves, over which it is, and whether it would land before or after.
// Belongs here: pointer events. Stays out: the move itself (`tree.js`) and the way without dragging (Alt with arrows).

import {useRef, useState} from "preact/hooks"

function target(host, event, moving) {
  const under = host.getRootNode().elementFromPoint(event.clientX, event.clientY)
  const node = under?.closest("[data-node]")
  const empty = under?.closest("[data-group]")
  if (empty && !empty.querySelector("[data-node]") && !empty.closest(`[data-node="${moving}"]`)) return {id: empty.dataset.group, side: "into"}
  if (!node || node.closest(`[data-node="${moving}"]`)) return null
  const box = node.getBoundingClientRect()
  return {id: node.dataset.node, side: event.clientY < box.top + box.height / 2 ? "before" : "after"}
}

export function useDrag(host, land) {
  const [state, setState] = useState({moving: null, over: null})
  const now = useRef(state)
  const put = (next) => { now.current = next; setState(next) }
  const start = (event, id) => {
    if (event.button !== 0) return
    event.preventDefault()
    const grip = event.currentTarget
    grip.setPointerCapture(event.pointerId)
    const move = (each) => {
      const over = target(host.current, each, id)
      if (over?.id !== now.current.over?.id || over?.side !== now.current.over?.side || !now.current.moving) put({moving: id, over})
    }
    const stop = (each) => {
      for (const name of ["pointermove", "pointerup", "pointercancel", "lostpointercapture"]) grip.removeEventListener(name, name === "pointermove" ? move : stop)
      const {over} = now.current
      put({moving: null, over: null})
      if (each.type === "pointerup" && over) land(id, over.id, over.side)
    }
    grip.addEventListener("pointermove", move)
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) grip.addEventListener(name, stop)
  }
  return {...state, start}
}
