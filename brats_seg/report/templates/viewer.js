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
  const nv = new Niivue({ backColor: [0, 0, 0, 1], crosshairColor: [0.5, 0.8, 1, 0.6], show3Dcrosshair: true, isRadiologicalConvention: true, sagittalNoseLeft: true,
    multiplanarShowRender: 1, loadingText: "", dragAndDropEnabled: false, logLevel: "error" });
  await nv.attachToCanvas(document.getElementById("canvas"));

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
    const image = await NVImage.loadFromBase64({ base64: layer.data, name: `layer${i}.nii.gz`, opacity: opacity(i), cal_min: layer.kind === "heat" ? 1 : 0,
      cal_max: { grey: 255, labels: legend.length, heat: 100 }[layer.kind], colormap: layer.kind === "heat" ? "inferno" : "gray" });
    if (layer.kind === "labels") image.setColormapLabel(colours());
    layer.data = null;
    images.push(image);
    status.textContent = `Loaded ${i + 1} of ${layers.length} layers …`;
    await new Promise((done) => setTimeout(done));
  }
  nv.volumes = images;
  nv.setVolume(images[0], 0);  // draws once; adding one by one would draw all again for each

  // Voxels with a neighbour of another tissue.
  const outline = (full, [, nx, ny]) => full.map((value, i) =>
    (value && [1, nx, nx * ny].some((step) => full[i - step] !== value || full[i + step] !== value) ? value : 0));
  const full = images.map((image) => image.img), outlines = [];
  const style = () => {
    layers.forEach((layer, i) => {
      if (layer.kind !== "labels") return;
      nv.volumes[i].setColormapLabel(colours());
      nv.volumes[i].img = setting("style") === "outline" ? (outlines[i] ??= outline(full[i], images[i].hdr.dims)) : full[i];
    });
    nv.updateGLVolume();
  };
  layers.forEach((_, i) => {
    const change = () => { range(i).disabled = !box(i).checked; nv.setOpacity(i, opacity(i)); };
    box(i).addEventListener("change", change);
    range(i).addEventListener("input", change);
    range(i).disabled = !box(i).checked;
  });
  for (const key of ["palette", "style"]) document.getElementById(key).addEventListener("change", style);
  document.getElementById("view").addEventListener("change", (event) => nv.setSliceType(Number(event.target.value)));
  const slice = document.getElementById("slice");
  slice.addEventListener("input", () => { nv.scene.crosshairPos[2] = Number(slice.value); nv.drawScene(); });
  nv.onLocationChange = () => { slice.value = nv.scene.crosshairPos[2]; };
  nv.setSliceType(3);
  nv.scene.crosshairPos = centre;
  slice.value = centre[2];
  style();
  status.textContent = "Drag in a slice to move the crosshair, turn the wheel to go through slices; with the keyboard use the controls beside.";
  root.dataset.viewer = "ready";
})().catch((error) => {
  console.error(error);
  document.getElementById("viewer-status").textContent = `The viewer could not start (${error.message}); the slices below show the same.`;
});
