// npm run sbom: what a release is made of, as CycloneDX, on standard output.
import { join } from "node:path";
import { billOfMaterials } from "./bundle/bill-of-materials.ts";

process.stdout.write(billOfMaterials(join(import.meta.dirname, "..")));
