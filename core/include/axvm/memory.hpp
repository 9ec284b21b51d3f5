#pragma once
// Memory of the VMM's own objects. Allocation can fail and says so; nothing here touches the
// global operator new or delete.

#include <atomic>
#include <axvm/result.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace axvm {

/// Where objects get their memory: a value naming one HAL's `allocate` and `deallocate`.
class Allocator {
 public:
  template <class H>
  [[nodiscard]] static Allocator of(H& hal) noexcept {
    return Allocator(
        &hal,
        [](void* context, std::size_t size, std::size_t alignment) -> void* {
          return static_cast<H*>(context)->allocate(size, alignment);
        },
        [](void* context, void* p, std::size_t size, std::size_t alignment) {
          static_cast<H*>(context)->deallocate(p, size, alignment);
        });
  }

  /// Null when memory is exhausted.
  [[nodiscard]] void* allocate(std::size_t size, std::size_t alignment) const {
    return allocate_(context_, size, alignment);
  }
  void deallocate(void* p, std::size_t size, std::size_t alignment) const {
    deallocate_(context_, p, size, alignment);
  }

 private:
  using Allocate = void* (*)(void*, std::size_t, std::size_t);
  using Deallocate = void (*)(void*, void*, std::size_t, std::size_t);
  Allocator(void* context, Allocate take, Deallocate give_back) noexcept
      : context_(context), allocate_(take), deallocate_(give_back) {}

  void* context_;
  Allocate allocate_;
  Deallocate deallocate_;
};

/// Sole ownership of one object. Empty only after being moved from.
template <class T>
class Box {
 public:
  /// Errors: NoMemory.
  template <class... Args>
  [[nodiscard]] static Result<Box> try_make(Allocator allocator, Args&&... args) {
    void* storage = allocator.allocate(sizeof(T), alignof(T));
    if (storage == nullptr)
      return fail(ErrorKind::NoMemory, "allocate"sv, "no memory for an object"sv);
    return Box(allocator, ::new (storage) T(std::forward<Args>(args)...), storage, sizeof(T),
               alignof(T));
  }

  Box(Box&& other) noexcept
      : Box(other.allocator_, std::exchange(other.object_, nullptr), other.storage_, other.size_,
            other.alignment_) {}
  /// A box of a derived class becomes one of its base, which needs a virtual destructor.
  template <std::derived_from<T> D>
    requires(!std::same_as<D, T> && std::has_virtual_destructor_v<T>)
  // NOLINTNEXTLINE(google-explicit-constructor)
  Box(Box<D>&& other) noexcept
      : Box(other.allocator_, std::exchange(other.object_, nullptr), other.storage_, other.size_,
            other.alignment_) {}
  Box& operator=(Box&& other) noexcept {
    std::swap(allocator_, other.allocator_);
    std::swap(object_, other.object_);
    std::swap(storage_, other.storage_);
    std::swap(size_, other.size_);
    std::swap(alignment_, other.alignment_);
    return *this;
  }
  ~Box() {
    if (object_ == nullptr) return;
    object_->~T();
    allocator_.deallocate(storage_, size_, alignment_);
  }

  [[nodiscard]] T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }

 private:
  template <class>
  friend class Box;

  Box(Allocator allocator, T* object, void* storage, std::size_t size, std::size_t alignment)
      : allocator_(allocator),
        object_(object),
        storage_(storage),
        size_(size),
        alignment_(alignment) {}

  Allocator allocator_;
  T* object_;
  void* storage_;  ///< where the complete object begins, of its own size
  std::size_t size_;
  std::size_t alignment_;
};

/// A vector whose capacity is fixed when it is made.
template <class T>
class Array {
  // NOLINTNEXTLINE(bugprone-sizeof-expression): T may well be a pointer
  static constexpr std::size_t kElementSize = sizeof(T);

 public:
  /// Errors: NoMemory. A capacity of 0 allocates nothing.
  [[nodiscard]] static Result<Array> try_make(Allocator allocator, std::size_t capacity) {
    if (capacity == 0) return Array(allocator, nullptr, 0);
    if (capacity > SIZE_MAX / kElementSize) {
      return fail(ErrorKind::OutOfRange, "allocate"sv,
                  "array size does not fit the address space"sv);
    }
    void* storage = allocator.allocate(capacity * kElementSize, alignof(T));
    if (storage == nullptr)
      return fail(ErrorKind::NoMemory, "allocate"sv, "no memory for an array"sv);
    return Array(allocator, static_cast<T*>(storage), capacity);
  }

  Array(Array&& other) noexcept
      : allocator_(other.allocator_),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Array& operator=(Array&& other) noexcept {
    if (this != &other) {
      release();
      allocator_ = other.allocator_;
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, 0);
    }
    return *this;
  }
  ~Array() { release(); }

  /// Appends. Precondition: !full().
  template <class... Args>
  T& emplace_back(Args&&... args) {
    T* item = ::new (static_cast<void*>(data_ + size_)) T(std::forward<Args>(args)...);
    ++size_;
    return *item;
  }
  /// Inserts before `index` <= size(). Precondition: !full().
  void insert(std::size_t index, T item) {
    emplace_back(std::move(item));
    for (std::size_t i = size_ - 1; i > index; --i) std::swap(data_[i], data_[i - 1]);
  }
  /// Removes the element at `index` < size().
  void erase(std::size_t index) {
    for (std::size_t i = index; i + 1 < size_; ++i) data_[i] = std::move(data_[i + 1]);
    data_[--size_].~T();
  }
  void clear() noexcept {
    while (size_ > 0) data_[--size_].~T();
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool full() const noexcept { return size_ == capacity_; }
  [[nodiscard]] std::size_t room() const noexcept { return capacity_ - size_; }

  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::span<const T> span() const noexcept { return {data_, size_}; }

 private:
  Array(Allocator allocator, T* data, std::size_t capacity) noexcept
      : allocator_(allocator), data_(data), capacity_(capacity) {}
  void release() noexcept {
    clear();
    if (data_ == nullptr) return;
    allocator_.deallocate(static_cast<void*>(data_), capacity_ * kElementSize, alignof(T));
  }

  Allocator allocator_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Base of objects shared through Ref. The count lives in the object.
class RefCounted {
 public:
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

 protected:
  RefCounted() = default;
  ~RefCounted() = default;

 private:
  template <class>
  friend class Ref;
  std::atomic<std::uint32_t> references_{1};
  void (*destroy_)(RefCounted*) = nullptr;
};

/// Shared ownership of a RefCounted object. Empty only after being moved from.
template <class T>
class Ref {
 public:
  /// Errors: NoMemory.
  template <class... Args>
  [[nodiscard]] static Result<Ref> try_make(Allocator allocator, Args&&... args) {
    void* storage = allocator.allocate(sizeof(Shared), alignof(Shared));
    if (storage == nullptr)
      return fail(ErrorKind::NoMemory, "allocate"sv, "no memory for an object"sv);
    auto* shared = ::new (storage) Shared(allocator, std::forward<Args>(args)...);
    static_cast<RefCounted*>(shared)->destroy_ = [](RefCounted* counted) {
      auto* self = static_cast<Shared*>(static_cast<T*>(counted));
      const Allocator owner = self->allocator;
      self->~Shared();
      owner.deallocate(self, sizeof(Shared), alignof(Shared));
    };
    return Ref(shared);
  }

  Ref(const Ref& other) noexcept : object_(other.object_) { acquire(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <std::derived_from<T> D>
    requires(!std::same_as<D, T>)
  // NOLINTNEXTLINE(google-explicit-constructor)
  Ref(const Ref<D>& other) noexcept : object_(other.object_) {
    acquire();
  }
  template <std::derived_from<T> D>
    requires(!std::same_as<D, T>)
  // NOLINTNEXTLINE(google-explicit-constructor)
  Ref(Ref<D>&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { release(); }

  [[nodiscard]] T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }

 private:
  template <class>
  friend class Ref;

  struct Shared final : T {
    template <class... Args>
    explicit Shared(Allocator a, Args&&... args) : T(std::forward<Args>(args)...), allocator(a) {}
    Allocator allocator;
  };

  explicit Ref(T* object) noexcept : object_(object) {}
  [[nodiscard]] static RefCounted* counted(T* object) noexcept { return object; }
  void acquire() noexcept {
    if (object_ != nullptr) {
      counted(object_)->references_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void release() noexcept {
    if (object_ == nullptr) return;
    RefCounted* c = counted(object_);
    if (c->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) c->destroy_(c);
  }

  T* object_;
};

}  // namespace axvm
