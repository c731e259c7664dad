import { POLICIES } from "./catalog.ts";
import { testPolicy } from "./contract.ts";

for (const [name, create] of Object.entries(POLICIES)) testPolicy(name, create);
