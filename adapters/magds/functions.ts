import { forbidden } from './forbidden.ts';
import { isTreeNode, nameParts, type TreeNode, unwrap } from './syntax-tree.ts';

/**
 * The functions of pg_catalog a statement may call. Everything in them computes from its arguments: none
 * reads a catalogue, file or setting, runs SQL from a string, sleeps, locks, signals or reaches the network.
 */
export const SAFE_FUNCTIONS: ReadonlySet<string> = new Set(
  [
    // numbers
    `abs cbrt ceil ceiling degrees div exp factorial floor gcd lcm ln log log10 min_scale mod pi power radians
     random round scale sign sqrt trim_scale trunc width_bucket acos acosd asin asind atan atand atan2 atan2d
     cos cosd cot cotd sin sind tan tand sinh cosh tanh asinh acosh atanh erf erfc gamma lgamma`,
    // strings and bytes
    `ascii bit_length btrim casefold char_length character_length chr concat concat_ws convert convert_from
     convert_to crc32 crc32c decode encode format initcap is_normalized left length like_escape lower lpad
     ltrim md5 normalize octet_length overlay parse_ident position quote_ident quote_literal quote_nullable
     regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
     regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim sha224 sha256 sha384 sha512
     similar_to_escape split_part starts_with string_to_array string_to_table strpos substr substring to_ascii
     to_bin to_hex to_oct translate unicode_assigned unistr upper get_bit get_byte set_bit set_byte bit_count`,
    // dates and times
    `age clock_timestamp date_add date_bin date_part date_subtract date_trunc extract isfinite justify_days
     justify_hours justify_interval make_date make_interval make_time make_timestamp make_timestamptz now
     overlaps statement_timestamp timezone to_char to_date to_number to_timestamp transaction_timestamp`,
    // json
    `array_to_json json_array_elements json_array_elements_text json_array_length json_build_array
     json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object
     json_object_keys json_populate_record json_populate_recordset json_strip_nulls json_to_record
     json_to_recordset json_typeof jsonb_array_elements jsonb_array_elements_text jsonb_array_length
     jsonb_build_array jsonb_build_object jsonb_concat jsonb_delete jsonb_delete_path jsonb_each
     jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path jsonb_extract_path_text
     jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz jsonb_path_match
     jsonb_path_match_tz jsonb_path_query jsonb_path_query_array jsonb_path_query_array_tz
     jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
     jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record
     jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb`,
    // arrays, ranges and sets of rows
    `array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
     array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle
     array_sort array_to_string array_upper cardinality generate_series generate_subscripts trim_array unnest
     isempty lower_inc lower_inf multirange range_merge upper_inc upper_inf int4range int8range numrange
     daterange tsrange tstzrange int4multirange int8multirange nummultirange datemultirange tsmultirange
     tstzmultirange num_nonnulls num_nulls`,
    // aggregates and window functions
    `any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist
     dense_rank every first_value json_agg json_agg_strict json_object_agg json_object_agg_strict
     json_object_agg_unique jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict
     jsonb_object_agg_unique lag last_value lead max min mode nth_value ntile percent_rank percentile_cont
     percentile_disc range_agg range_intersect_agg rank regr_avgx regr_avgy regr_count regr_intercept regr_r2
     regr_slope regr_sxx regr_sxy regr_syy row_number stddev stddev_pop stddev_samp string_agg sum var_pop
     var_samp variance`,
    // identifiers
    'gen_random_uuid uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7',
    // text search
    `array_to_tsvector get_current_ts_config json_to_tsvector jsonb_to_tsvector numnode phraseto_tsquery
     plainto_tsquery querytree setweight strip to_tsquery to_tsvector ts_delete ts_filter ts_headline ts_rank
     ts_rank_cd tsquery_phrase tsvector_to_array websearch_to_tsquery`,
    // addresses
    'abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network set_masklen',
    // geometry
    `area bound_box center circle diagonal diameter height isclosed isopen line lseg npoints path pclose point
     polygon popen radius slope width`,
  ].flatMap((group) => group.trim().split(/\s+/)),
);

/** Read or advance a sequence: allowed on a sequence of the own schema that is named by a literal. */
const SEQUENCE_FUNCTIONS = new Set(['nextval', 'currval', 'setval']);

export interface FunctionRules {
  readonly ownSchema: string;
  /** Policies and defaults in migrations read the tenant: `current_setting('mag.tenant', true)`. */
  readonly allowTenantSetting: boolean;
}

/** @throws `E_SQL_FORBIDDEN` unless the function of this call is one of the safe ones or the caller's own */
export function checkFunction(call: TreeNode, rules: FunctionRules): void {
  const parts = nameParts(call.funcname);
  const name = parts.at(-1) ?? '';
  if (parts.length === 2 && parts[0] === rules.ownSchema) return;
  const builtIn = parts.length === 1 || (parts.length === 2 && parts[0] === 'pg_catalog');
  if (builtIn && SAFE_FUNCTIONS.has(name)) return;
  if (builtIn && SEQUENCE_FUNCTIONS.has(name) && namesOwnSequence(call, rules.ownSchema)) return;
  if (builtIn && rules.allowTenantSetting && isTenantSetting(name, call)) return;
  throw forbidden(
    `The function ${parts.join('.')} may not be called. Functions of your own schema are called with its name: ${rules.ownSchema}.f().`,
  );
}

function namesOwnSequence(call: TreeNode, ownSchema: string): boolean {
  const name = firstLiteral(call);
  const match = /^(?:([a-z_][a-z0-9_]*)\.)?([a-z_][a-z0-9_]*)$/.exec(name ?? '');
  if (match === null) return false;
  return match[1] === undefined ? !match[2]?.startsWith('pg_') : match[1] === ownSchema;
}

function isTenantSetting(name: string, call: TreeNode): boolean {
  return name === 'current_setting' && firstLiteral(call) === 'mag.tenant';
}

function firstLiteral(call: TreeNode): string | undefined {
  const [first] = Array.isArray(call.args) ? call.args : [];
  const constant = unwrap(first);
  if (constant?.type !== 'A_Const' || !isTreeNode(constant.body.sval)) return undefined;
  const { sval } = constant.body.sval;
  return typeof sval === 'string' ? sval : undefined;
}
