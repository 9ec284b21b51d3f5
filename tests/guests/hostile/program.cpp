#include "program.hpp"

#include <cstring>

#include "instructions.hpp"

namespace axvm::test::hostile {
namespace {

// Descriptors of stage 1 (DDI 0487 D8.3).
constexpr std::uint64_t kValid = 1;
constexpr std::uint64_t kTableOrPage = 2;
constexpr std::uint64_t kDevice = 1ULL << 2;
constexpr std::uint64_t kUser = 1ULL << 6;
constexpr std::uint64_t kReadOnlyPage = 1ULL << 7;
constexpr std::uint64_t kShareable = 3ULL << 8;
constexpr std::uint64_t kAccessed = 1ULL << 10;
constexpr std::uint64_t kNotGlobal = 1ULL << 11;
constexpr std::uint64_t kPxn = 1ULL << 53;
constexpr std::uint64_t kUxn = 1ULL << 54;

class Image {
 public:
  Image() : bytes_(kImageSize) {}

  void put(std::uint64_t gpa, const Code& code, std::uint64_t room) {
    const std::size_t size = std::min<std::uint64_t>(code.size() * 4, room);
    std::memcpy(bytes_.data() + (gpa - kRam), code.data(), size);
  }
  void put(std::uint64_t gpa, std::uint64_t value) {
    std::memcpy(bytes_.data() + (gpa - kRam), &value, sizeof value);
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

std::uint64_t page_of(std::uint64_t address, Random& random) {
  std::uint64_t page = address | kValid | kTableOrPage | kShareable | kAccessed;
  if (random.once_in(3)) page |= kUser;
  if (random.once_in(4)) page |= kReadOnlyPage;
  if (random.once_in(4)) page |= kNotGlobal;
  if (random.once_in(6)) page |= kPxn;
  if (random.once_in(6)) page |= kUxn;
  if (random.once_in(16)) page |= kDevice;
  if (random.once_in(16)) page &= ~kAccessed;
  if (random.once_in(32)) page &= ~kValid;
  return page;
}

// Level 1, level 2, level 3 of the first 2 MiB, and one page of whatever. Addresses of the second
// GiB are RAM's own, those of the third the same again.
void make_tables(Image& image, Random& random) {
  constexpr std::uint64_t kLevel2 = kTables + 0x1000;
  constexpr std::uint64_t kLevel3 = kTables + 0x2000;
  constexpr std::uint64_t kWild = kTables + 0x3000;
  image.put(kTables, kValid | kDevice | kAccessed | kPxn | kUxn);
  image.put(kTables + 8, kLevel2 | kValid | kTableOrPage);
  image.put(kTables + 16, kLevel2 | kValid | kTableOrPage);
  image.put(kTables + 24, kWild | kValid | kTableOrPage);
  image.put(kTables + 511 * 8, kLevel2 | kValid | kTableOrPage);
  image.put(kLevel2, kLevel3 | kValid | kTableOrPage);
  for (std::uint64_t n = 1; n < 4; ++n) {
    image.put(kLevel2 + n * 8, (kRam + n * 0x20'0000) | kValid | kAccessed | kShareable);
  }
  for (std::uint64_t n = 0; n < 512; ++n) {
    image.put(kLevel3 + n * 8, page_of(kRam + n * 0x1000, random));
    image.put(kWild + n * 8, random_descriptor(random));
  }
  // The first pages hold the program: they are there, unless somebody is out for trouble.
  if (!random.once_in(8)) {
    for (std::uint64_t n = 0; n < 16; ++n) {
      const std::uint64_t user = random.once_in(8) ? kUser : 0;
      image.put(kLevel3 + n * 8, (kRam + n * 0x1000) | kValid | kTableOrPage | kAccessed | user);
    }
  }
  for (std::uint32_t n = random.below(8); n > 0; --n) {
    image.put(kTables + random.below(3 * 512) * 8, random_descriptor(random));
  }
}

// What an exception does next: go on behind the instruction, try it again, stop, or anything.
Code handler(Random& random) {
  constexpr std::uint32_t kSkip[] = {0xd538'4029,   // MRS X9, ELR_EL1
                                     0x9100'1129,   // ADD X9, X9, #4
                                     0xd518'4029};  // MSR ELR_EL1, X9
  Code code;
  switch (random.below(12)) {
    case 0: code.push_back(kEret); break;
    case 1: code.push_back(0x1400'0000); break;  // B .
    case 2: code.push_back(0); break;            // UDF: faults for ever
    case 3:
      move(code, 9, interesting_address(random));
      write_system(code, kElrEl1, 9);
      code.push_back(kEret);
      break;
    case 4:
      for (int n = 0; n < 6; ++n) append_anything(code, random);
      code.push_back(kEret);
      break;
    default:
      for (const std::uint32_t word : kSkip) code.push_back(word);
      code.push_back(kEret);
  }
  return code;
}

void make_vectors(Image& image, Random& random) {
  const Code usual = handler(random);
  for (std::uint64_t n = 0; n < 16; ++n) {
    image.put(kVectors + n * 0x80, random.once_in(3) ? handler(random) : usual, 0x80);
  }
}

Code make_entry(Random& random) {
  Code code;
  constexpr std::uint16_t kOrder[] = {kVbarEl1,  kMairEl1,    kTcrEl1, kTtbr0El1,
                                      kTtbr1El1, kCntkctlEl1, kSpEl0};
  for (const std::uint16_t target : kOrder) {
    if (random.once_in(32)) continue;
    move(code, 9, plausible_value(target, random));
    write_system(code, target, 9);
  }
  code.push_back(kIsb);
  if (!random.once_in(4)) {
    move(code, 9, plausible_value(kSctlrEl1, random));
    write_system(code, kSctlrEl1, 9);
    code.push_back(kIsb);
  }
  for (unsigned n = 0; n < 31; ++n) {
    const bool is_pointer = n >= kFirstPointer && n < kFirstPointer + kPointers;
    move(code, n,
         is_pointer || random.once_in(4) ? interesting_address(random) : random.below(256));
  }
  code.push_back(0x9100'0000 | (kFirstPointer << 5) | 31);  // MOV SP, X19
  move(code, 9, kCode);
  if (random.once_in(4)) {  // on at EL0, or wherever the saved state says
    write_system(code, kElrEl1, 9);
    move(code, 9, plausible_value(kSpsrEl1, random));
    write_system(code, kSpsrEl1, 9);
    code.push_back(kEret);
  } else {
    code.push_back(0xd61f'0120);  // BR X9
  }
  return code;
}

}  // namespace

std::uint64_t interesting_address(Random& random) {
  constexpr std::uint64_t kPlaces[] = {kRam,
                                       kCode,
                                       kCode,
                                       kVectors,
                                       kTables,
                                       kData,
                                       kData,
                                       kData,
                                       kReadOnly,
                                       kHole,
                                       kNoExecute,
                                       kUart,
                                       kRam << 1,
                                       kCode + 0x4000'0000,
                                       kRam + kRamSize,
                                       0xffff'ff80'4000'0000,
                                       0xff00'0000'4000'0000};
  std::uint64_t address = random.one_of(kPlaces);
  if (random.once_in(16)) return random.next();
  if (random.once_in(4)) return address + 0x1000 - random.below(32);  // about to leave the page
  address += random.below(0x1000);
  return random.once_in(8) ? address : address & ~7ULL;
}

std::uint64_t random_descriptor(Random& random) {
  constexpr std::uint64_t kTargets[] = {kRam,  kCode,     kTables,    kTables + 0x1000,
                                        kData, kReadOnly, kNoExecute, kUart,
                                        kHole, 0,         1ULL << 47};
  if (random.once_in(8)) return random.next();
  if (random.once_in(8)) return 0;
  std::uint64_t descriptor = random.one_of(kTargets) | kValid;
  if (!random.once_in(4)) descriptor |= kTableOrPage;
  if (!random.once_in(4)) descriptor |= kAccessed;
  descriptor |= random.next() & (kUser | kReadOnlyPage | kShareable | kNotGlobal | kPxn | kUxn);
  if (random.once_in(4)) descriptor |= random.next() & 0xfff0'0000'0000'0000;
  return descriptor;
}

std::uint64_t plausible_value(std::uint16_t target, Random& random) {
  if (random.once_in(32)) return random.next();
  if (random.once_in(64)) return 0;
  switch (target) {
    case kSctlrEl1: {
      std::uint64_t value = 0x34d5'd91d;           // all on
      if (random.once_in(4)) value &= ~1ULL;       // the MMU off
      if (random.once_in(6)) value |= 1ULL << 19;  // WXN
      if (random.once_in(6)) value |= 2;           // A
      if (random.once_in(12)) value ^= 1ULL << random.below(32);
      return value;
    }
    case kTcrEl1: {
      const std::uint64_t size = random.once_in(8) ? random.below(64) : 25;
      return size | (size << 16) | (2ULL << 30) | (1ULL << 32) | (random.next() & (3ULL << 37));
    }
    case kTtbr0El1:
    case kTtbr1El1: {
      constexpr std::uint64_t kRoots[] = {kTables, kTables,          kTables,   kTables, kTables,
                                          kTables, kTables + 0x1000, kReadOnly, kUart,   kHole};
      return random.one_of(kRoots) | (std::uint64_t{random.below(4)} << 48);
    }
    case kSpsrEl1: {
      constexpr std::uint64_t kModes[] = {0x3c0, 0x3c5, 0x3c5, 0x0, 0x5, 0x4, 0x10, 0x9, 0xd};
      return random.one_of(kModes) | (random.once_in(8) ? random.word() : 0);
    }
    case kElrEl1: return kCode + random.below(0x300) * 4;
    case kMairEl1: return random.once_in(4) ? random.next() : 0x04ff;
    case kVbarEl1: {
      constexpr std::uint64_t kBases[] = {kVectors, kVectors, kVectors, kVectors, kVectors,
                                          kVectors, kVectors, kHole,    kUart,    kNoExecute};
      return random.one_of(kBases);
    }
    case kCntkctlEl1: return random.word();
    default: return interesting_address(random);
  }
}

std::vector<std::uint8_t> make_program(std::uint64_t seed) {
  Random random(seed);
  Image image;
  Code code;
  for (std::uint64_t n = 0; n < kImageSize - (kData - kRam); n += 8) {
    if (random.once_in(4)) image.put(kData + n, random.next());
  }
  while (code.size() < 0xc00) append_anything(code, random);
  image.put(kCode, code, kVectors - kCode);
  make_vectors(image, random);
  make_tables(image, random);
  image.put(kRam, make_entry(random), kCode - kRam);
  return image.take();
}

}  // namespace axvm::test::hostile
