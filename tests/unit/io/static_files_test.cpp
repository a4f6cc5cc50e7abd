#include "io/static_files.hpp"

#include <gtest/gtest.h>

#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

class StaticFilesTest : public testing::Test {
 protected:
  StaticFilesTest() {
    (void)folder_.write("dist/index.html", "<p>hello");
    (void)folder_.write("dist/admin/index.html", "<p>admin");
    (void)folder_.write("dist/assets/main-a1b2c3d4.js", "run()");
    (void)folder_.write("dist/assets/main-a1b2c3d4.js.gz", "compressed");
    (void)folder_.write("dist/.env", "SECRET=1");
    (void)folder_.write("secret.txt", "outside");
    std::filesystem::create_symlink("../secret.txt", folder_.path() / "dist/link.txt");
    std::filesystem::create_directory_symlink("..", folder_.path() / "dist/up");
    files_ = *StaticFiles::load(folder_.path() / "dist");
  }
  TemporaryFolder folder_;
  StaticFiles files_;
};

TEST_F(StaticFilesTest, finds_files_by_their_path_and_the_index_at_the_root) {
  ASSERT_NE(files_.find("/"), nullptr);
  EXPECT_EQ(*files_.find("/")->body, "<p>hello");
  EXPECT_EQ(files_.find("/")->mime, "text/html; charset=utf-8");
  EXPECT_EQ(files_.find("/assets/main-a1b2c3d4.js")->mime, "text/javascript; charset=utf-8");
  EXPECT_EQ(files_.find("/nothing"), nullptr);
}

TEST_F(StaticFilesTest, a_folder_is_found_as_its_index_with_or_without_its_closing_slash) {
  for (const char* path : {"/admin", "/admin/", "/admin/index.html"}) {
    ASSERT_NE(files_.find(path), nullptr) << path;
    EXPECT_EQ(*files_.find(path)->body, "<p>admin");
  }
  EXPECT_EQ(files_.find("/assets"), nullptr);
  EXPECT_EQ(files_.find("/admin//"), nullptr);
}

TEST_F(StaticFilesTest, nothing_outside_the_root_or_hidden_can_be_named) {
  for (const char* path : {"/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/link.txt",
                           "/up/secret.txt", "/.env", "//etc/passwd", "/assets/../../secret.txt",
                           "/assets/..", "", "secret.txt", "/assets\\..\\..\\secret.txt"}) {
    EXPECT_EQ(files_.find(path), nullptr) << path;
  }
}

TEST_F(StaticFilesTest, names_with_a_hash_are_kept_for_a_year_and_the_page_is_asked_for_again) {
  EXPECT_EQ(files_.find("/assets/main-a1b2c3d4.js")->cache_control,
            "public, max-age=31536000, immutable");
  EXPECT_EQ(files_.find("/")->cache_control, "no-cache");
  EXPECT_NE(files_.find("/")->etag, files_.find("/assets/main-a1b2c3d4.js")->etag);
}

TEST_F(StaticFilesTest, takes_the_compressed_file_beside_a_file) {
  ASSERT_NE(files_.find("/assets/main-a1b2c3d4.js")->gzip, nullptr);
  EXPECT_EQ(*files_.find("/assets/main-a1b2c3d4.js")->gzip, "compressed");
  EXPECT_EQ(files_.find("/")->gzip, nullptr);
}

TEST(StaticFiles, a_missing_folder_is_an_error_that_names_it) {
  const auto loaded = StaticFiles::load("/nonexistent/dist");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("/nonexistent/dist"), std::string::npos);
}

}  // namespace
}  // namespace meridian::io
