import { expect, test } from 'vitest';
import { compileCondition, compileRegex, contextNames, missingFunctions, OttlError, Scene } from './index.ts';

const scene = new Scene();
// 2023-11-14T22:13:20Z.
const surroundings = { now: () => 1_700_000_000_000_000_000n, random: () => 0.5 };

/** Whether the condition holds, or why it cannot be told. */
function ask(condition: string): boolean | string {
  const compiled = compileCondition(condition, 'log', { surroundings });
  if (!compiled.ok) return compiled.problem.message;
  try {
    return compiled.test(scene);
  } catch (thrown) {
    if (thrown instanceof OttlError) return thrown.message;
    throw thrown;
  }
}

// The values are the Go collector's: processors/transform/otelcol.interop.test.ts asks it for each of these converters.
const holds = [
  'Keys({"a": 1, "b": 2}) == ["a", "b"] and Values({"a": 1, "b": "x"}) == [1, "x"]',
  'Sort([3, -1, 2]) == [-1, 2, 3] and Sort([3.5, 1, 2], "desc") == [3.5, 2, 1] and Sort(["b", true, nil]) == [nil, "b", true]',
  'SliceToMap([{"n": "a", "v": 1}], ["n"], ["v"]) == {"a": 1} and SliceToMap(["x"]) == {"0": "x"}',
  'ToKeyValueString({"b": "x y", "a": 1}, "=", " ", true) == "a=1 b=\\"x y\\""',
  'ParseJSON("{\\"a\\":[1,true,null],\\"b\\":{\\"c\\":\\"d\\"}}") == {"a": [1.0, true, nil], "b": {"c": "d"}}',
  'ParseKeyValue("a=1 b=\\"two words\\" c=3") == {"a": "1", "b": "two words", "c": "3"}',
  'ParseCSV("1,\\"two, quoted\\",3", "a,b,c") == {"a": "1", "b": "two, quoted", "c": "3"}',
  'ParseCSV("1|2", "a|b", "|") == {"a": "1", "b": "2"} and ParseCSV("\\"a,b", "x,y", mode = "ignoreQuotes") == {"x": "\\"a", "y": "b"}',
  'ParseInt("0x1f", 0) == 31 and ParseInt("-ff", 16) == -255 and ParseInt("0b1_1", 0) == 3',
  'ParseSeverity("W", {"warn": [{"equals": ["W"]}], "error": [{"range": "5xx"}]}) == "warn"',
  'ParseSeverity(503, {"warn": [{"equals": ["W"]}], "error": [{"range": "5xx"}]}) == "error"',
  'ExtractPatterns("/users/17", "^/(?P<what>\\\\w+)/(?P<id>\\\\d+)$") == {"what": "users", "id": "17"}',
  'ExtractPatterns("x", "(?P<id>\\\\d+)") == {}',
  'URL("https://u:p@h.example:8443/a/b.html?q=1#f")["url.port"] == 8443 and URL("/a?x=y")["url.query"] == "x=y"',
  'IsInCIDR("10.1.2.3", ["192.168.0.0/16", "10.0.0.0/8"]) and not IsInCIDR("::1", ["10.0.0.0/8"]) and not IsInCIDR("x", ["::/0"])',
  'IsValidLuhn("4111 1111 1111 1111") and not IsValidLuhn("4111 1111 1111 1112") and not IsValidLuhn("")',
  'Log(1.0) == 0.0',
  'Now() == Unix(1700000000) and UnixMilli(Now()) == 1700000000000',
  'UUID() == "80808080-8080-4080-8080-808080808080" and HasPrefix(UUIDv7(), "018bcfe5-6800-7080")',
  'FormatTime(Unix(1700000000, 120000000), "%Y-%m-%dT%H:%M:%S.%L %b %a %e %I%p %Z") == "2023-11-14T22:13:20.12 Nov Tue 14 10PM UTC"',
  'FormatTime(Time("2023-05-26 12:34:56", "%F %T", "Europe/Berlin"), "%T %z") == "12:34:56 +0200"',
  'Time("26/May/2023:12:34:56.789 +0200", "%d/%b/%Y:%H:%M:%S.%L %z") == Unix(1685097296, 789000000)',
  'Time("2023-05-26T12:34:56Z", "%Y-%m-%dT%H:%M:%S%z") == Unix(1685104496)',
  'Time("1/2/06 03:04:05 pm", "%m/%d/%y %r", "UTC") == Unix(1136214245)',
  'Duration("1h2m3.5s") == Duration("3723500ms") and Nanoseconds(Duration("-1.5us")) == -1500 and Hours(Duration("90m")) == 1.5',
  'Hour(Time("2023-05-26 12:34:56", "%F %T", "America/New_York")) == 12 and Nanosecond(Unix(0, 7)) == 7',
  'Decode("aGVsbG8", "base64-raw") == "hello" and Decode(0xe9, "iso-8859-1") == "é" and Base64Encode(">>>", "base64-url") == "Pj4-"',
];
test.each(holds)('%s', (condition) => expect(ask(condition)).toBe(true));

const fails: [string, string][] = [
  ['ParseJSON("5") == nil', 'expected a JSON object or list'],
  ['ParseJSON("{") == nil', 'no JSON'],
  ['ParseKeyValue("novalue") == nil', 'has no "="'],
  ['ParseKeyValue("a=\\"open") == nil', 'not closed'],
  ['ParseCSV("1,2", "a") == nil', 'the header has 1 fields, the text 2'],
  ['ParseInt("zz", 10) == 1', 'no integer of base 10'],
  ['ParseInt("9223372036854775808", 10) == 1', 'no integer of base 10'],
  ['ParseSeverity("x", {"warn": [{"equals": ["W"]}]}) == "warn"', 'no level'],
  ['ExtractPatterns("x", "(a)") == nil', 'at least one named group'],
  ['Time("nonsense", "%F", "UTC") == nil', 'cannot read the time'],
  ['Time("2023-02-30", "%F", "UTC") == nil', 'no time of the calendar'],
  ['Time("x", "%Q") == nil', 'unknown directive %Q'],
  ['Time("x", "%F", "Mars/Base") == nil', 'unknown time zone'],
  ['FormatTime(Now(), "2006") == ""', 'no digits'],
  ['Duration("5 minutes") == nil', 'is no duration'],
  ['Log(-1.0) == 0.0', 'above 0'],
  ['URL("http://h:port/") == nil', 'is no number'],
  ['IsInCIDR("10.0.0.1", ["10.0.0.0"]) == true', 'is no network'],
  ['Sort(5) == nil', 'expected list, got int64'],
  ['Keys("x") == nil', 'expected map, got string'],
];
test.each(fails)('%s: %s', (condition, message) => expect(ask(condition)).toContain(message));

test('a function that is missing is refused with the reason, in every context', () => {
  for (const [name, why] of Object.entries(missingFunctions)) {
    if (/^[a-z]/.test(name)) continue;
    for (const context of contextNames) {
      const compiled = compileCondition(`${name}("x") == 1`, context);
      expect(!compiled.ok && compiled.problem.message).toContain(why);
    }
  }
});

test('text and patterns made to take long do not', () => {
  const long = 'a'.repeat(20_000);
  expect(ask(`IsMatch("${long}", "^(a+)+$")`)).toBe(true);
  expect(ask(`IsMatch("${long}!", "^(a|aa)+$")`)).toBe(false);
  expect(ask(`Len(Split("${long}", "")) == 20000`)).toBe(true);
  expect(ask(`Format("%999999999d", [1]) != ""`)).toBe(true);
  expect(ask(`ParseInt("${'9'.repeat(20_000)}", 10) == 1`)).toContain('no integer');
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  expect(ask(`ParseJSON("${deep}") != nil`)).toContain('nested deeper');
  const regex = compileRegex(`${'(?:a?)'.repeat(50)}${'a'.repeat(50)}`);
  expect(regex.ok && regex.test('a'.repeat(50))).toBe(true);
});
