"use strict";
(async () => {
  const status = document.getElementById("viewer-status"), section = document.getElementById("viewer");
  if (!document.createElement("canvas").getContext("webgl2")) {
    status.textContent = "This browser has no WebGL 2, which the viewer needs; the slices below show the same.";
    section.querySelector(".viewer").hidden = true;
    return;
  }
  const { layers, legend, centre } = JSON.parse(document.getElementById("data").textContent);
  const { Niivue, NVImage } = niivue;
  const nv = new Niivue({ backColor: [0, 0, 0, 1], crosshairColor: [0.5, 0.8, 1, 0.6], show3Dcrosshair: true, showAllOrientationMarkers: true, fontColor: [1, 1, 1, 1], fontMinPx: 16, isRadiologicalConvention: true, sagittalNoseLeft: true,
    multiplanarShowRender: 1, multiplanarPadPixels: 14, loadingText: "", dragAndDropEnabled: false, logLevel: "error" });
  await nv.attachToCanvas(document.getElementById("canvas"));
  // Of the 3-D view alone: little opacity, or the brain hides the tumour in it.
  nv.addColormap("glass", { R: [0, 255], G: [0, 255], B: [0, 255], A: [0, 24], I: [0, 255] });

  const setting = (key) => document.getElementById(key).value;
  const colours = () => {
    const rows = [{ value: 0, colour: [0, 0, 0], name: "", alpha: 0 },
      ...legend.map((tissue) => ({ value: tissue.value, colour: tissue[setting("palette")], name: tissue.name, alpha: 255 }))];
    return { I: rows.map((row) => row.value), A: rows.map((row) => row.alpha), labels: rows.map((row) => row.name),
      R: rows.map((row) => row.colour[0]), G: rows.map((row) => row.colour[1]), B: rows.map((row) => row.colour[2]) };
  };
  const box = (i) => document.querySelector(`[data-layer="${i}"]`), range = (i) => document.querySelector(`[data-opacity="${i}"]`);
  const opacity = (i) => (box(i).checked ? Number(range(i).value) : 0);

  const images = [];
  for (const [i, layer] of layers.entries()) {
    const image = await NVImage.loadFromBase64({ base64: layer.data, name: `layer${i}.nii.gz`, opacity: layer.kind === "grey" ? 1 : opacity(i), cal_min: layer.kind === "heat" ? 1 : 0,
      cal_max: { grey: 255, labels: legend.length, heat: 100 }[layer.kind], colormap: { grey: "glass", labels: "gray", heat: "inferno" }[layer.kind] });
    if (layer.kind === "labels") image.setColormapLabel(colours());
    layer.data = null;
    images.push(image);
    status.textContent = `Loaded ${i + 1} of ${layers.length} layers …`;
    await new Promise((done) => setTimeout(done));
  }
  // The modalities are blended into one volume: of several, all but the first would hide the labels in the 3-D view.
  const full = images.map((image) => image.img), greys = layers.filter((layer) => layer.kind === "grey").length;
  const blend = () => {
    const mixed = new full[0].constructor(full[0].length);
    for (let i = 0; i < greys; i++) {
      const share = opacity(i), grey = full[i];
      if (share > 0) for (let k = 0; k < mixed.length; k++) mixed[k] += share * (grey[k] - mixed[k]);
    }
    images[0].img = mixed;
  };
  blend();
  nv.opts.crosshairWidth = 0.006 * Math.max(...images[0].hdr.dims.slice(1, 4));
  nv.volumes = [images[0], ...images.slice(greys)];
  nv.setVolume(images[0], 0);  // draws once; adding one by one would draw all again for each

  // Voxels with a neighbour of another tissue in the plane that is looked at; the axial one where there are several.
  const steps = (view, [, nx, ny]) => ({ 1: [1, nx * ny], 2: [nx, nx * ny] }[view] ?? [1, nx]);
  const outline = (full, dims, view) => full.map((value, i) =>
    (value && steps(view, dims).some((step) => full[i - step] !== value || full[i + step] !== value) ? value : 0));
  const outlines = {};
  const style = () => {
    layers.forEach((layer, i) => {
      if (layer.kind !== "labels") return;
      images[i].setColormapLabel(colours());
      images[i].img = setting("style") === "outline" ? (outlines[[i, setting("view")]] ??= outline(full[i], images[i].hdr.dims, setting("view"))) : full[i];
    });
    nv.updateGLVolume();
  };
  layers.forEach((_, i) => {
    const change = () => {
      range(i).disabled = !box(i).checked;
      if (i >= greys) { nv.setOpacity(i - greys + 1, opacity(i)); return; }
      blend();
      nv.updateGLVolume();
    };
    box(i).addEventListener("change", change);
    range(i).addEventListener("input", change);
    range(i).disabled = !box(i).checked;
  });
  for (const key of ["palette", "style"]) document.getElementById(key).addEventListener("change", style);
  document.getElementById("view").addEventListener("change", (event) => {
    if (setting("style") === "outline") style();
    nv.setSliceType(Number(event.target.value));
  });
  const positions = [...document.querySelectorAll("[data-axis]")];
  const told = () => positions.forEach((position) => { position.value = nv.scene.crosshairPos[position.dataset.axis]; });
  positions.forEach((position) => position.addEventListener("input", () => {
    nv.scene.crosshairPos[position.dataset.axis] = Number(position.value);
    nv.drawScene();
  }));
  nv.onLocationChange = told;
  nv.setSliceType(3);
  nv.scene.crosshairPos = centre;
  told();
  style();
  status.textContent = "Drag in a slice to move the crosshair, turn the wheel to go through slices. Keys, in the picture: H and L to the patient's left and right, J and K back and front, Ctrl+D and Ctrl+U down and up; or the controls beside it.";
  root.dataset.viewer = "ready";
})().catch((error) => {
  console.error(error);
  document.getElementById("viewer-status").textContent = `The viewer could not start (${error.message}); the slices below show the same.`;
});
