/**
 * Which message types have a short way to and from the wire. It takes well-formed messages of ordinary values; whatever
 * is unusual goes to protobuf-es as a whole, so that what is right and what is an error is decided there alone.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Edition, FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";

/** What a plain field holds. */
export type PlainKind = "string" | "bool" | "int" | "bigint" | "message";

export interface PlainField {
  readonly name: string;
  readonly number: number;
  readonly kind: PlainKind;
  readonly repeated: boolean;
  /** The type of its messages. */
  readonly message: DescMessage | undefined;
}

/** Wire types (Protocol Buffers, Encoding). */
export const VARINT = 0;
export const LENGTH_DELIMITED = 2;
/** Tags of higher numbers do not fit the integers that shifts work on. */
const FIELD_NUMBER_MAX = 2 ** 28 - 1;

/** The fields of `desc` in the order of their numbers; undefined where one of them, or of those below it, is not plain. */
export function plainFields(desc: DescMessage, above: readonly DescMessage[] = []): PlainField[] | undefined {
  if (desc.file.edition !== Edition.EDITION_PROTO3 || desc.typeName.startsWith("google.protobuf.")) return undefined;
  const fields: PlainField[] = [];
  for (const field of desc.fields) {
    const kind = kindOf(field);
    if (kind === undefined) return undefined;
    const message = kind === "message" ? field.message : undefined;
    // Types that hold themselves are left out, and with them endless compilation.
    if (message && (above.includes(message) || message === desc)) return undefined;
    if (message && plainFields(message, [...above, desc]) === undefined) return undefined;
    fields.push({ name: field.localName, number: field.number, kind, repeated: field.fieldKind === "list", message });
  }
  return fields.sort((a, b) => a.number - b.number);
}

function kindOf(field: DescField): PlainKind | undefined {
  if (field.oneof || field.number > FIELD_NUMBER_MAX) return undefined;
  switch (field.fieldKind) {
    case "message":
      return field.delimitedEncoding ? undefined : "message";
    case "list":
      if (field.listKind === "message") return field.delimitedEncoding ? undefined : "message";
      return field.scalar === ScalarType.STRING ? "string" : undefined;
    case "enum":
      return field.enum.open && isImplicit(field) ? "int" : undefined;
    case "scalar":
      return isImplicit(field) && !field.longAsString ? scalarKind(field.scalar) : undefined;
    default:
      return undefined;
  }
}

function isImplicit(field: DescField): boolean {
  return field.presence === FeatureSet_FieldPresence.IMPLICIT;
}

function scalarKind(scalar: ScalarType): PlainKind | undefined {
  switch (scalar) {
    case ScalarType.STRING:
      return "string";
    case ScalarType.BOOL:
      return "bool";
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return "int";
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return "bigint";
    default:
      return undefined;
  }
}
