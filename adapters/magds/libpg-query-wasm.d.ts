// The package types only its own front door, whose instance cannot be replaced after a trap.
declare module 'libpg-query/wasm/libpg-query.js' {
  /** The Emscripten module behind libpg-query: pointers are byte offsets into its memory. */
  export interface PgQueryInstance {
    lengthBytesUTF8(text: string): number;
    stringToUTF8(text: string, pointer: number, maxBytes: number): void;
    UTF8ToString(pointer: number): string;
    getValue(pointer: number, type: 'i32'): number;
    _malloc(bytes: number): number;
    _free(pointer: number): void;
    _wasm_parse_query_raw(query: number): number;
    _wasm_free_parse_result(result: number): void;
    _wasm_scan(query: number): number;
    _wasm_free_string(pointer: number): void;
  }
  const createInstance: () => Promise<PgQueryInstance>;
  export default createInstance;
}
