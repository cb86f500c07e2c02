"use strict";
// What is drawn over the viewer's canvas: the outlines of each plane, and measured distances.
const viewerDrawing = (nv, space, outlined, colourOf) => {
  const seen = document.getElementById("canvas"), drawn = document.getElementById("drawn"), stage = document.getElementById("stage");
  const pen = drawn.getContext("2d"), measured = [];
  let begun = null;
  const scale = () => seen.width / seen.clientWidth;

  // The edges of the voxels of a tissue towards another one, in the plane of a tile.
  const edges = (volume, tile) => {
    const { axis, across, up } = tile, at = space.voxel(nv.scene.crosshairPos), paths = new Map();
    const [n, m] = [space.sizes[across], space.sizes[up]];
    const value = (i, j) => {
      if (i < 0 || j < 0 || i >= n || j >= m) return 0;
      const place = [0, 0, 0];
      place[axis] = at[axis]; place[across] = i; place[up] = j;
      return volume[space.index(place)];
    };
    const half = (a, i) => (a === 2 ? i / space.sizes[a] : 1 - i / space.sizes[a]);  // the border before voxel i
    const x = (i) => tile.toX(half(across, i)), y = (j) => tile.toY(half(up, j));
    for (let j = 0; j < m; j++) for (let i = 0; i < n; i++) {
      const own = value(i, j);
      if (!own) continue;
      const path = paths.get(own) ?? paths.set(own, new Path2D()).get(own);
      const line = (a, b, c, d) => { path.moveTo(x(a), y(b)); path.lineTo(x(c), y(d)); };
      if (value(i - 1, j) !== own) line(i, j, i, j + 1);
      if (value(i + 1, j) !== own) line(i + 1, j, i + 1, j + 1);
      if (value(i, j - 1) !== own) line(i, j, i + 1, j);
      if (value(i, j + 1) !== own) line(i, j + 1, i + 1, j + 1);
    }
    return paths;
  };
  const drawOutlines = (tile) => {
    for (const { volume, opacity } of outlined()) {
      pen.globalAlpha = opacity;
      for (const [value, path] of edges(volume, tile)) {
        for (const [style, width] of [["#000", 4], [colourOf(value), 2]]) {  // dark below, to be seen on white tissue
          pen.strokeStyle = style; pen.lineWidth = width * scale(); pen.lineCap = "square";
          pen.stroke(path);
        }
      }
    }
    pen.globalAlpha = 1;
  };
  const drawDistance = (tile, { axis, slice, from, to, mm }) => {
    if (axis !== tile.axis || slice !== space.sliceNumber(axis)) return;
    const place = (frac) => [tile.toX(frac[tile.across]), tile.toY(frac[tile.up])];
    const [[x0, y0], [x1, y1]] = [place(from), place(to)];
    for (const [style, width] of [["#000", 5], ["#4df", 2]]) {
      pen.strokeStyle = style; pen.lineWidth = width * scale();
      pen.beginPath(); pen.moveTo(x0, y0); pen.lineTo(x1, y1); pen.stroke();
    }
    pen.font = `${15 * scale()}px system-ui, sans-serif`; pen.lineWidth = 4 * scale(); pen.strokeStyle = "#000"; pen.fillStyle = "#4df";
    pen.strokeText(`${mm.toFixed(1)} mm`, x1 + 6, y1 - 6); pen.fillText(`${mm.toFixed(1)} mm`, x1 + 6, y1 - 6);
  };
  const redraw = () => {
    if (drawn.width !== seen.width || drawn.height !== seen.height) { drawn.width = seen.width; drawn.height = seen.height; }
    pen.clearRect(0, 0, drawn.width, drawn.height);
    for (const tile of space.tiles()) {
      pen.save(); pen.beginPath(); pen.rect(tile.left, tile.top, tile.w, tile.h); pen.clip();
      drawOutlines(tile);
      for (const distance of begun ? [...measured, begun] : measured) drawDistance(tile, distance);
      pen.restore();
    }
  };

  // Distances are measured by dragging within a plane; a new one in the same plane joins the others.
  const at = (event) => { const box = seen.getBoundingClientRect(); return [(event.clientX - box.left) * scale(), (event.clientY - box.top) * scale()]; };
  const distance = (from, to) => { const [a, b] = [nv.frac2mm(from), nv.frac2mm(to)]; return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); };
  drawn.addEventListener("pointerdown", (event) => {
    const tile = space.tiles().find((each) => each.holds(...at(event)));
    if (!tile) return;
    event.preventDefault();
    drawn.setPointerCapture(event.pointerId);
    const from = tile.toFrac(...at(event));
    begun = { tile, axis: tile.axis, slice: space.sliceNumber(tile.axis), from, to: from, mm: 0 };
  });
  drawn.addEventListener("pointermove", (event) => {
    if (!begun) return;
    begun.to = begun.tile.toFrac(...at(event));
    begun.mm = distance(begun.from, begun.to);
    redraw();
  });
  const end = () => {
    if (begun && begun.mm > 0) {
      measured.push(begun);
      stage.dataset.distance = begun.mm.toFixed(1);
    }
    begun = null;
    redraw();
  };
  drawn.addEventListener("pointerup", end);
  drawn.addEventListener("pointercancel", () => { begun = null; redraw(); });
  document.getElementById("measure").addEventListener("change", (event) => {
    stage.classList.toggle("measuring", event.target.checked);
    if (!event.target.checked) { measured.length = 0; delete stage.dataset.distance; redraw(); }
  });

  // A picture of both canvases, with what it shows and that it is for research.
  const picture = (caption) => {
    nv.drawScene();
    const both = document.createElement("canvas"), size = 15 * scale();
    both.width = seen.width; both.height = seen.height + 2 * size;
    const ink = both.getContext("2d");
    ink.fillStyle = "#000"; ink.fillRect(0, 0, both.width, both.height);
    ink.drawImage(seen, 0, 0); ink.drawImage(drawn, 0, 0);
    ink.fillStyle = "#fff"; ink.font = `${size}px system-ui, sans-serif`;
    ink.fillText(caption, size / 2, seen.height + 1.4 * size, both.width - size);
    return both;
  };
  const draw = nv.drawScene.bind(nv);
  nv.drawScene = () => { const drawnScene = draw(); redraw(); return drawnScene; };
  return { redraw, picture };
};
