/** `deno serve src/apiserver/edge.ts`: this service as one fetch handler, set up by the environment. */
import { edgeOf } from "../cli/compose/mod.ts";

const { fetch } = await edgeOf("apiserver");
export default { fetch };
