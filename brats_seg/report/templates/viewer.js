"use strict";
(async () => {
  const status = document.getElementById("viewer-status"), section = document.getElementById("viewer");
  if (!document.createElement("canvas").getContext("webgl2")) {
    status.textContent = "This browser has no WebGL 2, which the viewer needs; the slices below show the same.";
    section.querySelector(".viewer").hidden = true;
    return;
  }
  const { case: name, legend, shown: { layers, centre, origin, heat } } = JSON.parse(document.getElementById("data").textContent);
  const { Niivue, NVImage } = niivue;
  const nv = new Niivue({ backColor: [0, 0, 0, 1], crosshairColor: [0.5, 0.8, 1, 0.6], show3Dcrosshair: true, showAllOrientationMarkers: true, fontColor: [1, 1, 1, 1], fontMinPx: 16, isRadiologicalConvention: true, sagittalNoseLeft: true,
    multiplanarShowRender: 1, multiplanarPadPixels: 14, loadingText: "", dragAndDropEnabled: false, dragMode: 0, isNearestInterpolation: true, logLevel: "error" });
  await nv.attachToCanvas(document.getElementById("canvas"));
  // Of the 3-D view alone: little opacity, or the brain hides the tumour in it.
  nv.addColormap("glass", { R: [0, 255], G: [0, 255], B: [0, 255], A: [0, 24], I: [0, 255] });
  const stops = [heat[0], ...heat], channel = (i) => stops.map((colour) => colour[i]);  // the first is no doubt at all: nothing is shown
  nv.addColormap("doubt", { R: channel(0), G: channel(1), B: channel(2), A: stops.map((_, i) => (i ? 255 : 0)), I: [0, 1, ...heat.slice(1).map((_, i) => Math.round((255 * (i + 1)) / (heat.length - 1)))] });

  const setting = (key) => document.getElementById(key).value;
  const tissue = (value) => legend.find((each) => each.value === value);
  const colours = () => {
    const rows = [{ value: 0, colour: [0, 0, 0], name: "", alpha: 0 },
      ...legend.map((each) => ({ value: each.value, colour: each[setting("palette")], name: each.name, alpha: 255 }))];
    return { I: rows.map((row) => row.value), A: rows.map((row) => row.alpha), labels: rows.map((row) => row.name),
      R: rows.map((row) => row.colour[0]), G: rows.map((row) => row.colour[1]), B: rows.map((row) => row.colour[2]) };
  };
  const box = (i) => document.querySelector(`[data-layer="${i}"]`), range = (i) => document.querySelector(`[data-opacity="${i}"]`);
  const opacity = (i) => (box(i).checked ? Number(range(i).value) : 0);
  const isOutlined = () => setting("style") === "outline";

  const images = [];
  for (const [i, layer] of layers.entries()) {
    const image = await NVImage.loadFromBase64({ base64: layer.data, name: `layer${i}.nii.gz`, opacity: layer.kind === "grey" ? 1 : opacity(i), cal_min: layer.kind === "heat" ? 1 : 0,
      cal_max: { grey: 255, labels: legend.length, heat: 100 }[layer.kind], colormap: { grey: "glass", labels: "gray", heat: "doubt" }[layer.kind] });
    if (layer.kind === "labels") image.setColormapLabel(colours());
    layer.data = null;
    images.push(image);
    status.textContent = `Loaded ${i + 1} of ${layers.length} layers …`;
    await new Promise((done) => setTimeout(done));
  }
  // The modalities are shown as one volume of bytes, each in its window: of several volumes, all but the first would
  // hide the labels in the 3-D view.
  const full = images.map((image) => image.img), greys = layers.filter((layer) => layer.kind === "grey").length;
  const windows = layers.slice(0, greys).map((layer) => [...layer.window]);
  const inUnits = (i, code) => layers[i].low + (code - 1) * layers[i].step;
  const brightness = (i) => {  // of each code, 0 to 255
    const [dark, bright] = windows[i], width = Math.max(bright - dark, 1e-9), found = new Uint8Array(65536);
    for (let code = 1; code < found.length; code++) found[code] = Math.round(255 * Math.min(Math.max((inUnits(i, code) - dark) / width, 0), 1));
    return found;
  };
  const base = images[0];
  base.hdr.datatypeCode = 2; base.hdr.numBitsPerVoxel = 8;
  const blend = () => {
    const mixed = new Uint8Array(full[0].length);
    for (let i = 0; i < greys; i++) {
      const share = opacity(i), codes = full[i], bytes = share > 0 ? brightness(i) : null;
      if (share === 1) for (let k = 0; k < mixed.length; k++) mixed[k] = bytes[codes[k]];
      else if (share > 0) for (let k = 0; k < mixed.length; k++) mixed[k] += share * (bytes[codes[k]] - mixed[k]);
    }
    base.img = mixed;
    base.cal_min = base.robust_min = base.global_min = 0; base.cal_max = base.robust_max = base.global_max = 255;
  };
  blend();
  nv.opts.crosshairWidth = 0.006 * Math.max(...base.hdr.dims.slice(1, 4));
  nv.volumes = [base, ...images.slice(greys)];
  nv.setVolume(base, 0);  // draws once; adding one by one would draw all again for each

  const [width, height, depth] = base.hdr.dims.slice(1, 4), space = viewerSpace(nv, [depth, height, width], origin);
  const labelLayers = () => layers.map((layer, i) => ({ layer, i })).filter(({ layer, i }) => layer.kind === "labels" && opacity(i) > 0);
  const outlined = () => (isOutlined() ? labelLayers().map(({ i }) => ({ volume: full[i], opacity: opacity(i) })) : []);
  const drawing = viewerDrawing(nv, space, outlined, (value) => `rgb(${tissue(value)?.[setting("palette")].join(",")})`);
  const short = (value) => Number(value.toPrecision(4)).toString();
  const valuesAt = (place) => layers.map((layer, i) => {
    const held = full[i][place];
    if (layer.kind === "labels") return `${layer.title} ${held ? tissue(held)?.name ?? held : "none"}`;
    return `${layer.title} ${layer.kind === "grey" ? (held ? short(inUnits(i, held)) : 0) : held}`;
  }).join(", ");
  const { tell } = viewerControls(nv, space, drawing, { name, valuesAt });

  // Outlines are drawn over the slices; the 3-D view keeps its fills, unless the slices need them gone another way.
  const style = () => {
    const doubted = layers.some((layer, i) => layer.kind === "heat" && opacity(i) > 0);
    nv.overlayAlphaShader = isOutlined() && !doubted ? 0 : 1;
    layers.forEach((layer, i) => {
      if (i < greys) return;
      if (layer.kind === "labels") images[i].setColormapLabel(colours());
      images[i].opacity = layer.kind === "labels" && isOutlined() && doubted ? 0 : opacity(i);
    });
    nv.updateGLVolume();
  };
  const grey = () => { const on = layers.findLastIndex((layer, i) => layer.kind === "grey" && opacity(i) > 0); return Math.max(on, 0); };
  const ends = layers.slice(0, greys).map(({ window: [dark, bright], low }) => [Math.min(low, dark), bright + (bright - dark)]);
  const darkest = document.getElementById("darkest"), brightest = document.getElementById("brightest");
  const tellWindow = () => {
    const i = grey(), [low, high] = ends[i], [dark, bright] = windows[i];
    document.getElementById("window").textContent = `Window of ${layers[i].title}: ${short(dark)} to ${short(bright)}`;
    darkest.value = (1000 * (dark - low)) / (high - low || 1);
    brightest.value = (1000 * (bright - low)) / (high - low || 1);
  };
  const rewindow = (change) => { change(windows[grey()], ends[grey()]); blend(); nv.updateGLVolume(); tellWindow(); };
  const chosen = (slider, [low, high]) => low + (Number(slider.value) / 1000) * (high - low);
  darkest.addEventListener("input", () => rewindow((window, range) => { window[0] = chosen(darkest, range); window[1] = Math.max(window[0], window[1]); }));
  brightest.addEventListener("input", () => rewindow((window, range) => { window[1] = chosen(brightest, range); window[0] = Math.min(window[0], window[1]); }));
  document.getElementById("reset-window").addEventListener("click", () => rewindow((window) => window.splice(0, 2, ...layers[grey()].window)));

  layers.forEach((_, i) => {
    const change = () => {
      range(i).disabled = !box(i).checked;
      if (i < greys) { blend(); nv.updateGLVolume(); tellWindow(); } else style();
    };
    box(i).addEventListener("change", change);
    range(i).addEventListener("input", change);
    range(i).disabled = !box(i).checked;
  });
  for (const key of ["palette", "style"]) document.getElementById(key).addEventListener("change", style);
  document.getElementById("view").addEventListener("change", (event) => { nv.setSliceType(Number(event.target.value)); tell(); });
  nv.setSliceType(3);
  nv.scene.crosshairPos = centre;
  style();
  tell();
  tellWindow();
  status.textContent = "Click in a slice to move the crosshair, turn the wheel to go through slices. Keys, in the picture: arrows one slice, PageUp and PageDown ten, Home and End the first and the last. On a touch screen: the handle at the right of the picture, or the controls.";
  root.dataset.viewer = "ready";
})().catch((error) => {
  console.error(error);
  document.getElementById("viewer-status").textContent = `The viewer could not start (${error.message}); the slices below show the same.`;
});
