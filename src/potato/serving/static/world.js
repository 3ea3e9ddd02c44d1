/** Longitudes on the map: around the middle of the source they go on beyond 180°, without a jump. */

import { fromLonLat, transformExtent } from "./openlayers.js";

const MERCATOR = "EPSG:3857", DEGREES = "EPSG:4326";

let middle = 0;

/** The east of a box of degrees, in which west exceeds east at 180°, as a number above the west. */
export const eastOf = ([west, , east]) => (east < west ? east + 360 : east);

/** Let a box of degrees be the middle of the world. */
export function centreWorld(bounds) {
  middle = (bounds[0] + eastOf(bounds)) / 2;
}

/** A longitude, less than half a turn from the middle. */
export const turned = lon => lon + 360 * Math.round((middle - lon) / 360);

/** A place [longitude, latitude] on the map. */
export const onMap = ([lon, lat]) => fromLonLat([turned(lon), lat]);

/** A box [west, south, east, north] of degrees as an extent of the map. */
export function extentOf(bounds) {
  const centre = (bounds[0] + eastOf(bounds)) / 2, by = turned(centre) - centre;
  return transformExtent([bounds[0] + by, bounds[1], eastOf(bounds) + by, bounds[3]], DEGREES, MERCATOR);
}

/** An extent of the map as a box of degrees, which may lie beyond 180°. */
export const boundsOf = extent => transformExtent(extent, MERCATOR, DEGREES);

/** Whether two boxes of degrees share ground, also where one lies beyond 180°. */
export function meet(a, b) {
  return a[1] <= b[3] && b[1] <= a[3]
    && [-360, 0, 360].some(turn => a[0] + turn <= eastOf(b) && b[0] <= eastOf(a) + turn);
}
