"use strict";
// Where the viewer is: voxels of the cropped volume, slice numbers of the whole one, millimetres, tiles of the canvas.
// Volumes lie with x to the patient's left, y to the back, z to the head; the viewer's fractions go right, front, head.
const viewerSpace = (nv, shape, origin) => {
  const [depth, height, width] = shape;
  const clamp = (value, size) => Math.min(Math.max(value, 0), size - 1);
  const sizes = [width, height, depth];  // by the axis of the viewer: 0 sagittal, 1 coronal, 2 axial
  const starts = [origin[2], origin[1], origin[0]];
  const turned = (axis, index) => (axis === 2 ? index : sizes[axis] - 1 - index);
  // The voxel [x, y, z] of a fraction, and the middle of a voxel along an axis as a fraction.
  const voxel = (frac) => sizes.map((size, axis) => turned(axis, clamp(Math.floor(frac[axis] * size), size)));
  const fraction = (axis, index) => (turned(axis, index) + 0.5) / sizes[axis];
  const index = ([x, y, z]) => x + width * (y + height * z);
  const sliceNumber = (axis) => voxel(nv.scene.crosshairPos)[axis] + starts[axis];
  const goToSlice = (axis, number) => {
    nv.scene.crosshairPos[axis] = fraction(axis, clamp(number - starts[axis], sizes[axis]));
    nv.drawScene();
  };
  const millimetres = (frac) => {
    const [x, y, z] = nv.frac2mm(frac);
    const side = (value, positive, negative) => `${Math.abs(value).toFixed(1)} mm ${value < 0 ? negative : positive}`;
    return [side(x, "right", "left"), side(y, "anterior", "posterior"), side(z, "superior", "inferior")].join(", ");
  };
  const planeAxis = { 0: 2, 1: 1, 2: 0 };  // of a tile of the viewer: axial, coronal, sagittal
  // The tiles that show a plane: its axis, and how canvas pixels become fractions along the two others.
  const tiles = () => nv.screenSlices.map((tile, number) => ({ tile, number })).filter(({ tile }) => tile.axCorSag in planeAxis).map(({ tile, number }) => {
    const [left, top, w, h] = tile.leftTopWidthHeight;
    const near = nv.screenXY2TextureFrac(left + 0.25 * w, top + 0.25 * h, number, false);
    const far = nv.screenXY2TextureFrac(left + 0.75 * w, top + 0.75 * h, number, false);
    const axis = planeAxis[tile.axCorSag], [across, up] = [0, 1, 2].filter((other) => other !== axis);
    const perX = (far[across] - near[across]) / (0.5 * w), perY = (far[up] - near[up]) / (0.5 * h);
    return {
      axis, across, up, left, top, w, h,
      holds: (x, y) => x > left && y > top && x < left + w && y < top + h,
      toFrac: (x, y) => {
        const frac = [...nv.scene.crosshairPos];
        frac[across] = near[across] + (x - left - 0.25 * w) * perX;
        frac[up] = near[up] + (y - top - 0.25 * h) * perY;
        return frac;
      },
      toX: (frac) => left + 0.25 * w + (frac - near[across]) / perX,
      toY: (frac) => top + 0.25 * h + (frac - near[up]) / perY,
    };
  });
  return { sizes, starts, voxel, fraction, index, sliceNumber, goToSlice, millimetres, tiles };
};
