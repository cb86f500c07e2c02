"use strict";
// Keys, sliders, the drag handle of touch screens, and the line that says where the crosshair is and what is there.
const viewerControls = (nv, space, drawing, { name, valuesAt }) => {
  const NAMES = ["sagittal", "coronal", "axial"], PAGE = 10;
  const stage = document.getElementById("stage"), grip = document.getElementById("grip"), where = document.getElementById("where");
  const positions = [...document.querySelectorAll("[data-axis]")];
  let last = 2;  // the plane that was touched last, where there are several
  const shownAxis = () => ({ 0: 2, 1: 1, 2: 0 }[document.getElementById("view").value] ?? last);

  const tell = () => {
    for (const position of positions) position.value = space.sliceNumber(Number(position.dataset.axis));
    const slices = [2, 1, 0].map((axis) => `${NAMES[axis]} ${space.sliceNumber(axis)}`).join(", ");
    where.textContent = `${slices} · ${space.millimetres(nv.scene.crosshairPos)} · ${valuesAt(space.index(space.voxel(nv.scene.crosshairPos)))} · keys move ${NAMES[shownAxis()]} slices`;
  };
  const step = (by) => {
    const axis = shownAxis();
    space.goToSlice(axis, space.sliceNumber(axis) + by);
    tell();
  };
  for (const position of positions) {
    const axis = Number(position.dataset.axis);
    position.min = space.starts[axis];
    position.max = space.starts[axis] + space.sizes[axis] - 1;
    position.addEventListener("input", () => { last = axis; space.goToSlice(axis, Number(position.value)); tell(); });
  }
  const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: PAGE, PageDown: -PAGE, Home: -Infinity, End: Infinity };
  for (const kind of ["keydown", "keyup"]) {
    stage.addEventListener(kind, (event) => {
      event.stopPropagation();  // the viewer's own keys take some that browsers have another use for
      if (event.ctrlKey || event.altKey || event.metaKey || !(event.key in steps)) return;
      event.preventDefault();
      if (kind === "keydown") step(steps[event.key]);
    }, true);
  }
  // A finger on the picture scrolls the page; on the handle it goes through slices. A tap moves the crosshair.
  for (const kind of ["touchstart", "touchmove", "touchend"]) stage.addEventListener(kind, (event) => event.stopPropagation(), true);
  const touched = (event) => {
    if (event.target === grip) return;
    const box = nv.canvas.getBoundingClientRect(), scale = nv.canvas.width / nv.canvas.clientWidth;
    const tile = space.tiles().find((each) => each.holds((event.clientX - box.left) * scale, (event.clientY - box.top) * scale));
    if (tile) last = tile.axis;
  };
  for (const kind of ["pointerdown", "wheel"]) stage.addEventListener(kind, touched, { capture: true, passive: true });
  let held = null;
  grip.addEventListener("pointerdown", (event) => { event.preventDefault(); held = event.clientY; grip.setPointerCapture(event.pointerId); });
  grip.addEventListener("pointermove", (event) => {
    if (held === null) return;
    const perSlice = stage.clientHeight / space.sizes[shownAxis()], by = Math.trunc((held - event.clientY) / perSlice);
    if (by) { held -= by * perSlice; step(by); }
  });
  for (const kind of ["pointerup", "pointercancel"]) grip.addEventListener(kind, () => { held = null; });

  const width = nv.opts.crosshairWidth;
  document.getElementById("crosshair").addEventListener("change", (event) => {
    nv.opts.crosshairWidth = event.target.checked ? width : 0;
    nv.opts.show3Dcrosshair = event.target.checked;
    nv.drawScene();
  });
  document.getElementById("save").addEventListener("click", () => {
    const axis = shownAxis(), slice = `${NAMES[axis]} ${space.sliceNumber(axis)}`;
    drawing.picture(`${name}, ${slice}. For research; not a medical device.`).toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${name}_${slice.replace(" ", "_")}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  });
  nv.onLocationChange = tell;
  return { tell };
};
